// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/server.h"

#include <sys/random.h>
#include <unistd.h>

#include "user/serve/ipc/client_address.h"
#include "user/serve/now.h"
#include "user/serve/http/request.h"

#define TICK_MS        1000
#define DRAIN_GRACE_NS SECOND_NS /* for a request that has begun */

/* The library could count by address itself, but would include proxies. */
static enum MHD_Result accept_peer(void *context, const struct sockaddr *address, socklen_t length)
{
	struct server *server = context;
	struct client_address peer;
	struct in6_addr key;

	(void)length;
	if (server->listener->is_unix || server->listener->is_loopback)
		return MHD_YES;
	client_address_of_peer(&peer, address);
	if (proxies_trust(&server->setup->proxies, &peer))
		return MHD_YES;
	key = client_address_key(&peer);
	return connections_count_from(&server->connections, &key, SERVER_MAX_PER_CLIENT) <
	                       SERVER_MAX_PER_CLIENT
	               ? MHD_YES
	               : MHD_NO;
}

static void track(struct server *server, struct MHD_Connection *connection, void **tracked)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct client_address peer;
	struct in6_addr key;

	client_address_of_peer(&peer,
	                       info && !server->listener->is_unix ? info->client_addr : NULL);
	key = client_address_key(&peer);
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		*tracked = connections_add(&server->connections, info->connect_fd, &key,
		                           now_monotonic_ns());
}

static void notify_connection(void *context, struct MHD_Connection *connection, void **tracked,
                              enum MHD_ConnectionNotificationCode what)
{
	struct server *server = context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		track(server, connection, tracked);
	else if (*tracked)
		connections_remove(&server->connections, *tracked);
}

bool server_start(struct server *server, int max_connections)
{
	bool tls = listener_needs_tls(server->listener, &server->setup->settings);
	struct MHD_OptionItem secrets[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, server->setup->tls.certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, server->setup->tls.key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_PRIORITIES},
		{MHD_OPTION_END, 0, NULL},
	};
	const union MHD_DaemonInfo *info;
	__u32 seed;

	if (getrandom(&seed, sizeof(seed), 0) < 0)
		return false;
	if (!tls)
		secrets[0].option = MHD_OPTION_END;
	connections_init(&server->connections, max_connections, seed);
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0), 0, accept_peer,
		server, request_handle, server, MHD_OPTION_LISTEN_SOCKET, server->listener->fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)max_connections,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)SERVER_IDLE_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_MAX_HEADERS,
		MHD_OPTION_URI_LOG_CALLBACK, request_begin, server, MHD_OPTION_NOTIFY_COMPLETED,
		request_end, server, MHD_OPTION_NOTIFY_CONNECTION, notify_connection, server,
		MHD_OPTION_ARRAY, secrets, MHD_OPTION_END);
	if (!server->daemon)
		return false;
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	server->events = info ? info->epoll_fd : -1;
	return info;
}

void server_run(struct server *server, __u64 now_ns)
{
	connections_shut_old(&server->connections, now_ns);
	if (server->draining)
		connections_shut_idle(&server->connections, now_ns - DRAIN_GRACE_NS);
	MHD_run(server->daemon);
}

int server_wait_ms(const struct server *server)
{
	unsigned long long wait_ms;

	if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES && wait_ms < TICK_MS)
		return wait_ms;
	return server->connections.count ? TICK_MS : 60 * TICK_MS;
}

void server_drain(struct server *server)
{
	MHD_socket fd;

	if (server->draining)
		return;
	MHD_run(server->daemon); /* serves clients that are connected already */
	fd = MHD_quiesce_daemon(server->daemon);
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
	server->draining = true;
}
