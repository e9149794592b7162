// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/parameters.h"

#include <stdlib.h>
#include <string.h>

#include "user/util/address_list.h"
#include "user/serve/ipc/protocol.h"
#include "user/permits/permit.h"
#include "user/util/quote.h"
#include "user/serve/http/form.h"

/* The parameters of each operation. A misspelled `ip=` must not permit the client's own address. */
static const struct {
	const char *operation, *name;
} known[] = {
	{OP_PERMIT, "ips"},
	{OP_PERMIT, "comment"},
	{OP_REVOKE, "ips"},
};

struct forms {
	struct form query, body;
};

static bool is_known(const char *operation, const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].operation, operation) && !strcmp(known[i].name, name))
			return true;
	return false;
}

static void refuse_name(struct ipc_response *refusal, const char *format, const char *name)
{
	char quoted[QUOTE_SIZE];

	ipc_response_error(refusal, IPC_BAD_REQUEST, format, quote(quoted, name, strlen(name)));
}

static bool check_names(const struct form *form, const char *operation,
                        struct ipc_response *refusal)
{
	for (int i = 0; i < form->count; i++) {
		if (is_known(operation, form->fields[i].name))
			continue;
		refuse_name(refusal,
		            "there is no parameter '%s' here: POST takes ips and comment, DELETE "
		            "takes ips, the others take none",
		            form->fields[i].name);
		return false;
	}
	return true;
}

static bool read_forms(struct forms *forms, const struct http_request *request,
                       const char *operation, struct ipc_response *refusal)
{
	const char *query = request->route.query;
	char parse_error[400];

	if (form_parse(&forms->query, query, strlen(query), parse_error, sizeof(parse_error)) ||
	    form_parse(&forms->body, request->body ? request->body : "", request->body_length,
	               parse_error, sizeof(parse_error))) {
		ipc_response_error(refusal, IPC_BAD_REQUEST, "%s", parse_error);
		return false;
	}
	return check_names(&forms->query, operation, refusal) &&
	       check_names(&forms->body, operation, refusal);
}

/* From the query or the body. False: given in both. */
static bool find(const struct form_field **field, const struct forms *forms, const char *name,
                 struct ipc_response *refusal)
{
	const struct form_field *in_body = form_find(&forms->body, name);

	*field = form_find(&forms->query, name);
	if (*field && in_body) {
		refuse_name(refusal, "'%s' stands both in the query and in the body", name);
		return false;
	}
	if (!*field)
		*field = in_body;
	return true;
}

static void read_listed(struct parameters *parameters, const struct form_field *ips,
                        __u32 max_addresses, struct ipc_response *refusal)
{
	struct address_list addresses;
	char parse_error[400];

	if (address_list_parse(&addresses, ips->value, ips->value_length, max_addresses,
	                       parse_error, sizeof(parse_error)))
		ipc_response_error(refusal, IPC_BAD_REQUEST, "%s", parse_error);
	else
		parameters->ips = strdup(ips->value);
}

static void read_own(struct parameters *parameters, const struct http_request *request,
                     struct ipc_response *refusal)
{
	char own[CLIENT_ADDRESS_TEXT_SIZE];

	client_address_format(&request->client, own);
	if (client_address_is_ipv4(&request->client)) {
		const struct form_field field = {.value = own, .value_length = strlen(own)};

		read_listed(parameters, &field, 1, refusal);
	} else if (request->client.known) {
		ipc_response_error(
			refusal, IPC_BAD_REQUEST,
			"permits are for IPv4 addresses, and the request came from %s: name "
			"the addresses in `ips`",
			own);
	} else {
		ipc_response_error(
			refusal, IPC_BAD_REQUEST,
			"a request over the Unix socket has no address of its own: name the "
			"addresses in `ips`");
	}
}

static void read_comment(struct parameters *parameters, const struct form_field *comment,
                         struct ipc_response *refusal)
{
	json_t *utf8 = json_stringn(comment->value, comment->value_length);

	if (!utf8 || comment->value_length >= PERMIT_COMMENT_SIZE)
		ipc_response_error(refusal, IPC_BAD_REQUEST,
		                   "the comment must be UTF-8 text of at most %d bytes",
		                   PERMIT_COMMENT_SIZE - 1);
	else
		parameters->comment = strdup(comment->value);
	json_decref(utf8);
}

static void read_fields(struct parameters *parameters, const struct http_request *request,
                        const struct forms *forms, const char *operation,
                        struct ipc_response *refusal)
{
	const struct form_field *ips, *comment;

	if (!find(&ips, forms, "ips", refusal) || !find(&comment, forms, "comment", refusal) ||
	    !is_known(operation, "ips"))
		return;
	if (ips)
		read_listed(parameters, ips, request->server->setup->rules.max_addresses, refusal);
	else
		read_own(parameters, request, refusal);
	if (comment && !refusal->status)
		read_comment(parameters, comment, refusal);
}

void parameters_read(struct parameters *parameters, const struct http_request *request,
                     const char *operation, struct ipc_response *refusal)
{
	struct forms *forms = malloc(sizeof(*forms));

	if (!forms)
		ipc_response_unavailable(refusal);
	else if (read_forms(forms, request, operation, refusal))
		read_fields(parameters, request, forms, operation, refusal);
	free(forms);
}

void parameters_release(struct parameters *parameters)
{
	free(parameters->ips);
	free(parameters->comment);
}
