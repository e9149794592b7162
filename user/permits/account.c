// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/permits/store.h"
#include "user/util/clock.h"

#define NAME_CHARACTERS              \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789._-"

/* ---- within a transaction ---- */

#define COLUMNS                                                                                    \
	"accounts.id, name,"                                                                       \
	" (SELECT name FROM accounts AS parents WHERE parents.id = accounts.parent_id), approved," \
	" EXISTS (SELECT 1 FROM tokens WHERE account_id = accounts.id), accounts.created_unix_ns"

/* Linear in the number of permits. */
#define COUNT_PERMITS \
	"(SELECT count(*) FROM permits WHERE account_id = accounts.id AND ended_unix_ns IS NULL)"

static void read_account(sqlite3_stmt *row, struct account *account)
{
	*account = (struct account){
		.id = sqlite3_column_int64(row, 0),
		.approved = sqlite3_column_int(row, 3),
		.has_token = sqlite3_column_int(row, 4),
		.created_unix_ns = sqlite3_column_int64(row, 5),
	};
	db_text(row, 1, account->name, sizeof(account->name));
	db_text(row, 2, account->parent, sizeof(account->parent));
}

static enum exit_code not_found(const char *name)
{
	return fail(EXIT_NOT_FOUND, "list them with: xdp-ratelimit account list",
	            "there is no account '%.80s'", name);
}

enum exit_code account_read(struct db *db, const char *name, struct account *account)
{
	sqlite3_stmt *row =
		db_prepare(db, "SELECT " COLUMNS " FROM accounts WHERE name = ?1", "t", name);
	bool found = db_next(row);
	enum exit_code error;

	if (found)
		read_account(row, account);
	error = db_finish(db, row);
	return error || found ? error : not_found(name);
}

enum exit_code account_check_removable(struct db *db, const struct account *account)
{
	__s64 subs;
	enum exit_code error =
		db_read(db, &subs, 0, "SELECT count(*) FROM accounts WHERE parent_id = ?1", "i",
	                account->id);

	if (!error && !strcmp(account->name, ACCOUNT_LOCAL))
		return fail(EXIT_NOT_ALLOWED, NULL,
		            "the account '" ACCOUNT_LOCAL
		            "' is built in and cannot be removed; nothing was changed");
	if (!error && subs)
		return fail(EXIT_NOT_ALLOWED, "remove them first",
		            "the account '%s' has sub-accounts (%lld); nothing was changed",
		            account->name, subs);
	return error;
}

enum exit_code account_delete(struct db *db, const struct account *account)
{
	return db_run(db, "DELETE FROM accounts WHERE id = ?1", "i", account->id);
}

static enum exit_code check_name(const char *name)
{
	size_t length = strlen(name);

	if (length && length < ACCOUNT_NAME_SIZE && strspn(name, NAME_CHARACTERS) == length &&
	    !strchr("._-", name[0]))
		return EXIT_DONE;
	return fail(EXIT_USAGE, NULL,
	            "invalid account name '%.80s'; expected 1 to %d letters, digits, dots, "
	            "underscores and hyphens, starting with a letter or digit",
	            name, ACCOUNT_NAME_SIZE - 1);
}

static enum exit_code check_new(struct db *db, const char *name)
{
	__s64 there;
	enum exit_code error =
		db_read(db, &there, 0, "SELECT count(*) FROM accounts WHERE name = ?1", "t", name);

	if (!error && there)
		return fail(EXIT_FAILED,
		            "make a new token with: xdp-ratelimit account token NAME --rotate",
		            "the account '%s' already exists; nothing was changed", name);
	return error;
}

static enum exit_code find_parent(struct db *db, const char *name, __s64 *parent_id)
{
	struct account parent = {};
	enum exit_code error;

	*parent_id = 0;
	if (!name)
		return EXIT_DONE;
	error = account_read(db, name, &parent);
	if (!error && parent.parent[0])
		return fail(
			EXIT_NOT_ALLOWED, "use its root account as the parent",
			"'%s' is a sub-account and cannot have sub-accounts; nothing was changed",
			parent.name);
	*parent_id = parent.id;
	return error;
}

static enum exit_code insert(struct db *db, const char *name, __s64 parent_id, bool approved,
                             __s64 *id)
{
	enum exit_code error =
		db_run(db,
	               "INSERT INTO accounts (name, parent_id, approved, created_unix_ns)"
	               " VALUES (?1, nullif(?2, 0), ?3, ?4)",
	               "tiii", name, parent_id, (__s64)approved, clock_unix_ns());

	*id = error ? 0 : sqlite3_last_insert_rowid(db->handle);
	return error;
}

static enum exit_code put_token(struct db *db, __s64 account_id, char token[TOKEN_SIZE])
{
	__u8 hash[TOKEN_HASH_SIZE];
	char id[TOKEN_ID_SIZE];

	if (token_make(token) || !token_id(token, id))
		return fail(EXIT_FAILED, NULL, "cannot get random numbers: %m");
	token_hash(token, hash);
	return db_run(db, "INSERT OR REPLACE INTO tokens VALUES (?1, ?2, ?3, ?4)", "itbi",
	              account_id, id, hash, TOKEN_HASH_SIZE, clock_unix_ns());
}

/* ---- each one a transaction ---- */

static enum exit_code begin(struct db *db, const char *state_dir)
{
	enum exit_code error = store_open(db, state_dir, STORE_CREATE, STORE_WAIT_MS);

	return error ? error : db_begin(db);
}

static enum exit_code end(struct db *db, enum exit_code error)
{
	if (!error)
		error = db_commit(db);
	if (error)
		db_rollback(db);
	store_close(db);
	return error;
}

enum exit_code account_find(const char *state_dir, const char *name, struct account *account)
{
	struct db db;
	enum exit_code error = store_open(&db, state_dir, STORE_CREATE, STORE_WAIT_MS);

	if (!error)
		error = account_read(&db, name, account);
	store_close(&db);
	return error;
}

/* Does the same work whether or not the id exists. */
static enum exit_code authenticate(struct db *db, const char *token, const char *id,
                                   struct account *account)
{
	__u8 given[TOKEN_HASH_SIZE], kept[TOKEN_HASH_SIZE] = {};
	enum exit_code error;
	bool found;
	sqlite3_stmt *row =
		db_prepare(db,
	                   "SELECT " COLUMNS ", secret_sha256 FROM accounts"
	                   " JOIN tokens ON tokens.account_id = accounts.id WHERE token_id = ?1",
	                   "t", id);

	found = db_next(row);
	if (found) {
		read_account(row, account);
		if (sqlite3_column_bytes(row, 6) == TOKEN_HASH_SIZE)
			memcpy(kept, sqlite3_column_blob(row, 6), TOKEN_HASH_SIZE);
	}
	error = db_finish(db, row);
	token_hash(token, given);
	if (error || (token_hash_is(given, kept) && found))
		return error;
	return fail(EXIT_NOT_FOUND, NULL, "invalid token");
}

enum exit_code account_authenticate(const char *state_dir, int wait_ms, const char *token,
                                    struct account *account)
{
	char id[TOKEN_ID_SIZE];
	struct db db;
	enum exit_code error;

	if (!token_id(token, id))
		return fail(EXIT_NOT_FOUND, NULL, "invalid token");
	error = store_open(&db, state_dir, STORE_EXISTING, wait_ms);
	if (error == EXIT_NOT_FOUND)
		error = fail(EXIT_FAILED, "restore it from a backup",
		             "there is no permit store in %s", state_dir);
	if (!error)
		error = authenticate(&db, token, id, account);
	store_close(&db);
	return error;
}

enum exit_code account_add(const char *state_dir, const char *name, const char *parent,
                           bool approved, char token[TOKEN_SIZE])
{
	struct db db = {};
	__s64 id, parent_id;
	enum exit_code error = check_name(name);

	if (error)
		return error;
	error = begin(&db, state_dir);
	if (!error)
		error = check_new(&db, name);
	if (!error)
		error = find_parent(&db, parent, &parent_id);
	if (!error)
		error = insert(&db, name, parent_id, approved, &id);
	if (!error)
		error = put_token(&db, id, token);
	return end(&db, error);
}

enum exit_code account_approve(const char *state_dir, const char *name, bool approved)
{
	struct db db;
	struct account account = {};
	enum exit_code error = begin(&db, state_dir);

	if (!error)
		error = account_read(&db, name, &account);
	if (!error && account.parent[0])
		error = fail(EXIT_NOT_ALLOWED, "approve its root account",
		             "'%s' is a sub-account, which may never request permits", name);
	if (!error && !strcmp(account.name, ACCOUNT_LOCAL) && !approved)
		error = fail(EXIT_NOT_ALLOWED, NULL,
		             "the account '" ACCOUNT_LOCAL "' is built in and stays approved");
	if (!error)
		error = db_run(&db, "UPDATE accounts SET approved = ?1 WHERE id = ?2", "ii",
		               (__s64)approved, account.id);
	return end(&db, error);
}

enum exit_code account_rotate_token(const char *state_dir, const char *name, char token[TOKEN_SIZE])
{
	struct db db;
	struct account account = {};
	enum exit_code error = begin(&db, state_dir);

	if (!error)
		error = account_read(&db, name, &account);
	if (!error)
		error = put_token(&db, account.id, token);
	return end(&db, error);
}

static enum exit_code read_all(struct db *db, struct account **accounts, __u32 *count)
{
	sqlite3_stmt *row = db_prepare(
		db, "SELECT " COLUMNS ", " COUNT_PERMITS " FROM accounts ORDER BY name", "");
	enum exit_code error = EXIT_DONE, failed;

	while (!error && db_next(row)) {
		struct account *larger = reallocarray(*accounts, *count + 1, sizeof(**accounts));

		if (!larger) {
			error = fail(EXIT_FAILED, NULL, "out of memory");
			break;
		}
		*accounts = larger;
		read_account(row, &larger[*count]);
		larger[(*count)++].permits = sqlite3_column_int64(row, 6);
	}
	failed = db_finish(db, row);
	return error ? error : failed;
}

enum exit_code account_list(const char *state_dir, struct account **accounts, __u32 *count)
{
	struct db db;
	enum exit_code error = store_open(&db, state_dir, STORE_CREATE, STORE_WAIT_MS);

	*accounts = NULL;
	*count = 0;
	if (!error)
		error = read_all(&db, accounts, count);
	store_close(&db);
	return error;
}
