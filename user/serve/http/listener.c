// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/util/duration.h"
#include "user/serve/http/unix_socket.h"

#define UNIX_PREFIX "unix:"
#define BACKLOG     4096
#define EXPECTED                                                                 \
	"expected ADDRESS:PORT, [IPv6 ADDRESS]:PORT or unix:/PATH, for example " \
	"127.0.0.1:9420"

static enum exit_code read_unix(struct listener *listener, const char *path)
{
	struct sockaddr_un *local = &listener->address.local;

	if (path[0] != '/' || strlen(path) >= sizeof(local->sun_path))
		return fail(EXIT_FAILED, NULL,
		            "listen: '%s' is not the absolute path of a Unix socket, which has at "
		            "most %zu characters",
		            path, sizeof(local->sun_path) - 1);
	local->sun_family = AF_UNIX;
	strcpy(local->sun_path, path);
	listener->length = sizeof(*local);
	listener->is_unix = true;
	return EXIT_DONE;
}

static bool read_port(in_port_t *port, const char *text)
{
	__u64 number;

	if (number_take(&text, &number) || *text || !number || number > 65535)
		return false;
	*port = htons(number);
	return true;
}

static bool read_ipv4(struct listener *listener, const char *address, in_port_t port)
{
	struct sockaddr_in *ipv4 = &listener->address.ipv4;

	if (inet_pton(AF_INET, address, &ipv4->sin_addr) != 1)
		return false;
	ipv4->sin_family = AF_INET;
	ipv4->sin_port = port;
	listener->length = sizeof(*ipv4);
	listener->is_loopback = ntohl(ipv4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return true;
}

static bool read_ipv6(struct listener *listener, char *address, in_port_t port)
{
	struct sockaddr_in6 *ipv6 = &listener->address.ipv6;
	size_t length = strlen(address);

	if (length < 2 || address[0] != '[' || address[length - 1] != ']')
		return false;
	address[length - 1] = '\0';
	if (inet_pton(AF_INET6, address + 1, &ipv6->sin6_addr) != 1)
		return false;
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = port;
	listener->length = sizeof(*ipv6);
	listener->is_loopback = IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr);
	return true;
}

static enum exit_code read_listener(struct listener *listener, const char *text)
{
	char address[SETTINGS_TEXT_SIZE];
	in_port_t port;
	char *colon;

	*listener = (struct listener){.fd = -1};
	snprintf(listener->text, sizeof(listener->text), "%s", text);
	if (!strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)))
		return read_unix(listener, text + strlen(UNIX_PREFIX));
	strcpy(address, listener->text);
	colon = strrchr(address, ':');
	if (colon) {
		*colon = '\0';
		if (read_port(&port, colon + 1) &&
		    (read_ipv4(listener, address, port) || read_ipv6(listener, address, port)))
			return EXIT_DONE;
	}
	return fail(EXIT_FAILED, EXPECTED, "listen: '%s' is not an address to listen on", text);
}

static bool is_public(const struct listener *listener)
{
	return !listener->is_unix && !listener->is_loopback;
}

bool listener_needs_tls(const struct listener *listener, const struct serve_settings *settings)
{
	return is_public(listener) && settings->certificate[0];
}

enum exit_code listeners_read(struct listeners *listeners, const struct serve_settings *settings)
{
	enum exit_code error = EXIT_DONE;

	listeners->count = 0;
	if (!settings->listen_count)
		return fail(EXIT_FAILED, EXPECTED, "listen: the list is empty");
	for (int i = 0; i < settings->listen_count && !error; i++) {
		struct listener *listener = &listeners->items[listeners->count++];

		error = read_listener(listener, settings->listen[i]);
		if (!error && is_public(listener) && !settings->certificate[0] &&
		    !settings->plaintext)
			error = fail(
				EXIT_FAILED,
				"set a certificate and a key, or allow it with --plaintext",
				"%s is reachable from other machines, and tokens would be sent "
				"unencrypted",
				listener->text);
		for (int j = 0; j < i && !error; j++)
			if (!strcmp(listeners->items[j].text, listener->text))
				error = fail(EXIT_FAILED, NULL, "listen: '%s' is given twice",
				             listener->text);
	}
	return error;
}

static enum exit_code open_tcp(struct listener *listener)
{
	int family = listener->address.any.sa_family, on = 1;

	listener->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return fail(EXIT_FAILED, NULL, "cannot create a socket for %s: %m", listener->text);
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET6)
		setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (!bind(listener->fd, &listener->address.any, listener->length) &&
	    !listen(listener->fd, BACKLOG))
		return EXIT_DONE;
	if (errno == EADDRINUSE)
		return fail(EXIT_BUSY, "find it with: ss -ltnp",
		            "another program listens on %s already", listener->text);
	return fail(EXIT_FAILED,
	            errno == EACCES ? "a port below 1024 needs a restart of the service" : NULL,
	            "cannot listen on %s: %m", listener->text);
}

static enum exit_code open_unix(struct listener *listener, uid_t uid, gid_t gid)
{
	const char *path = listener->address.local.sun_path;
	struct stat status;
	enum exit_code error = unix_socket_open(&listener->fd, path, BACKLOG, uid, gid);

	if (!error && !lstat(path, &status)) {
		listener->device = status.st_dev;
		listener->inode = status.st_ino;
	}
	return error;
}

static const struct listener *find(const struct listeners *listeners, const char *text)
{
	for (int i = 0; listeners && i < listeners->count; i++)
		if (listeners->items[i].fd >= 0 && !strcmp(listeners->items[i].text, text))
			return &listeners->items[i];
	return NULL;
}

enum exit_code listeners_open(struct listeners *listeners, const struct listeners *old, uid_t uid,
                              gid_t gid)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < listeners->count && !error; i++) {
		struct listener *listener = &listeners->items[i];
		const struct listener *same = find(old, listener->text);

		if (same)
			*listener = *same;
		else if (listener->is_unix)
			error = open_unix(listener, uid, gid);
		else
			error = open_tcp(listener);
	}
	if (error)
		listeners_close(listeners, old);
	return error;
}

static void close_listener(struct listener *listener)
{
	const char *path = listener->address.local.sun_path;
	struct stat status;

	if (listener->fd < 0)
		return;
	/* another process may have replaced it */
	if (listener->is_unix && !lstat(path, &status) && status.st_dev == listener->device &&
	    status.st_ino == listener->inode)
		unlink(path);
	close(listener->fd);
	listener->fd = -1;
}

void listeners_close(struct listeners *listeners, const struct listeners *kept)
{
	for (int i = 0; i < listeners->count; i++)
		if (!find(kept, listeners->items[i].text))
			close_listener(&listeners->items[i]);
}
