// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/permits/account.h"
#include "user/permits/permit.h"
#include "user/util/duration.h"

/* A run of `account VERB [NAME] [OPTIONS]`. */
struct arguments {
	const char *name;
	const char *parent;
	bool approved, rotate, withdraw;
};

static enum exit_code take_option(struct arguments *arguments, int letter)
{
	switch (letter) {
	case 'p':
		arguments->parent = optarg;
		return EXIT_DONE;
	case 'a':
		arguments->approved = true;
		return EXIT_DONE;
	case 'r':
		arguments->rotate = true;
		return EXIT_DONE;
	case 'w':
		arguments->withdraw = true;
		return EXIT_DONE;
	default:
		return EXIT_USAGE;
	}
}

static const char *option_name(int letter)
{
	const struct command_option *option = account_command.options;

	while (option->letter != letter)
		option++;
	return option->name;
}

/* `allowed`: the letters of the options that this verb takes. */
static enum exit_code read_arguments(struct arguments *arguments, const char *allowed, int argc,
                                     char **argv)
{
	enum exit_code error = EXIT_DONE;
	int letter;

	optind = 1;
	while (!error && (letter = command_next_option(&account_command, argc, argv)) != -1) {
		if (letter && !strchr(allowed, letter))
			return command_usage(&account_command, "'account %s' takes no '--%s'",
			                     argv[0], option_name(letter));
		error = take_option(arguments, letter);
	}
	if (error)
		return error;
	if (optind < argc)
		arguments->name = argv[optind++];
	if (optind < argc)
		return command_usage(&account_command, "unexpected '%.60s'", argv[optind]);
	return EXIT_DONE;
}

static void print_token(const struct globals *globals, const char *what, const char *name,
                        const char *token)
{
	if (globals->json) {
		result_print(json_pack("{s:s, s:s}", "account", name, "token", token));
		return;
	}
	printf("%-10s %s\n", what, name);
	printf("token      %s\n", token);
	printf("note       save it now: only its hash is stored, so it cannot be shown again\n");
}

static enum exit_code run_add(const struct globals *globals, const struct arguments *arguments)
{
	char token[TOKEN_SIZE];
	enum exit_code error;

	if (arguments->parent && arguments->approved)
		return command_usage(&account_command,
		                     "a sub-account may never ask for permits, so "
		                     "it can't be approved");
	error = account_add(globals->state_dir, arguments->name, arguments->parent,
	                    arguments->approved, token);
	if (!error)
		print_token(globals, "added", arguments->name, token);
	return error;
}

static enum exit_code run_approve(const struct globals *globals, const struct arguments *arguments)
{
	bool approved = !arguments->withdraw;
	enum exit_code error = account_approve(globals->state_dir, arguments->name, approved);

	if (!error && globals->json)
		result_print(
			json_pack("{s:s, s:b}", "account", arguments->name, "approved", approved));
	else if (!error)
		printf("%-10s %s\n", approved ? "approved" : "withdrawn", arguments->name);
	return error;
}

static enum exit_code run_token(const struct globals *globals, const struct arguments *arguments)
{
	char token[TOKEN_SIZE];
	enum exit_code error;

	if (!arguments->rotate)
		return command_usage(&account_command,
		                     "a token can't be shown again: --rotate makes "
		                     "a new one and voids the old one");
	error = account_rotate_token(globals->state_dir, arguments->name, token);
	if (!error)
		print_token(globals, "rotated", arguments->name, token);
	return error;
}

static enum exit_code run_remove(const struct globals *globals, const struct arguments *arguments)
{
	struct settings settings;
	struct permit_context context;
	__u32 ended = 0;
	enum exit_code error = command_begin_permits(globals, &settings, &context);

	if (!error)
		error = permit_remove_account(&context, arguments->name, &ended);
	if (!error && globals->json)
		result_print(json_pack("{s:s, s:I}", "account", arguments->name, "ended_permits",
		                       (json_int_t)ended));
	else if (!error)
		printf("%-10s %s, with %u active permit%s\n", "removed", arguments->name, ended,
		       ended == 1 ? "" : "s");
	return error;
}

static json_t *account_json(const struct account *account)
{
	char created[RESULT_TIME_SIZE];

	result_format_time(created, account->created_unix_ns / SECOND_NS);
	return json_pack("{s:s, s:s?, s:b, s:b, s:s, s:I}", "account", account->name, "parent",
	                 account->parent[0] ? account->parent : NULL, "approved", account->approved,
	                 "has_token", account->has_token, "created_at", created, "permits",
	                 (json_int_t)account->permits);
}

static void print_account(const struct account *account)
{
	char created[RESULT_TIME_SIZE];

	result_format_time(created, account->created_unix_ns / SECOND_NS);
	printf("%-20s %-20s %-9s %-6s %s %8u\n", account->name,
	       account->parent[0] ? account->parent : "-",
	       account->parent[0] ? "never" : (account->approved ? "yes" : "no"),
	       account->has_token ? "yes" : "no", created, account->permits);
}

static enum exit_code run_list(const struct globals *globals, const struct arguments *arguments)
{
	json_t *list = json_array();
	struct account *accounts;
	enum exit_code error;
	__u32 count;

	(void)arguments;
	error = account_list(globals->state_dir, &accounts, &count);
	if (error)
		return error;
	if (!globals->json)
		printf("%-20s %-20s %-9s %-6s %-20s %8s\n", "account", "parent", "approved",
		       "token", "created", "permits");
	for (__u32 i = 0; i < count; i++) {
		if (globals->json)
			json_array_append_new(list, account_json(&accounts[i]));
		else
			print_account(&accounts[i]);
	}
	free(accounts);
	if (globals->json)
		result_print(json_pack("{s:o}", "accounts", list));
	return EXIT_DONE;
}

static enum exit_code run_account(const struct globals *globals, int argc, char **argv)
{
	static const struct {
		const char *name;
		bool takes_name;
		const char *options;
		enum exit_code (*run)(const struct globals *, const struct arguments *);
	} verbs[] = {
		{"add", true, "pa", run_add},        {"list", false, "", run_list},
		{"approve", true, "w", run_approve}, {"token", true, "r", run_token},
		{"remove", true, "", run_remove},
	};
	struct arguments arguments = {};
	enum exit_code error;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && argc > 1; i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		error = read_arguments(&arguments, verbs[i].options, argc - 1, argv + 1);
		if (!error && verbs[i].takes_name != !!arguments.name)
			error = command_usage(&account_command, verbs[i].takes_name
			                                                ? "no account named"
			                                                : "list takes no name");
		return error ? error : verbs[i].run(globals, &arguments);
	}
	return command_usage(&account_command,
	                     argc > 1 ? "'%.60s' is none of add, list, approve, token and remove"
	                              : "expected add, list, approve, token or remove",
	                     argc > 1 ? argv[1] : "");
}

static const struct command_option options[] = {
	{"parent", "ROOT", "make it a sub-account of this root account", 'p'},
	{"approved", NULL, "add an account that may request permits at once", 'a'},
	{"withdraw", NULL, "withdraw the approval", 'w'},
	{"rotate", NULL, "create a new token and void the old one", 'r'},
	{},
};

const struct command account_command = {
	.name = "account",
	.usage = "account add NAME [--parent ROOT] [--approved] | list | approve NAME [--withdraw] "
		 "| token NAME --rotate | remove NAME",
	.summary = "manage who may request permits, with bearer tokens for the HTTP API",
	.options = options,
	.run = run_account,
};
