// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/permit_rows.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETENTION_NS (30 * 86400 * 1000000000LL)

typedef char address_text[INET_ADDRSTRLEN];

static void write_address(const struct xrl_address *address, address_text text)
{
	inet_ntop(AF_INET, address, text, sizeof(address_text));
}

/* 0.0.0.0, which no host has, if the column is malformed. */
static struct xrl_address read_address(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	struct xrl_address address = {};

	if (!text || inet_pton(AF_INET, text, &address) != 1)
		address = (struct xrl_address){};
	return address;
}

/* ---- addresses ---- */

enum exit_code permit_rows_look_up(struct db *db, struct permit_entries *entries)
{
	enum exit_code error = EXIT_DONE;

	for (__u32 i = 0; i < entries->count && !error; i++) {
		struct permit_entry *entry = &entries->entries[i];
		address_text text;

		write_address(&entry->address, text);
		error = db_read(db, &entry->until_unix_ns, 0,
		                "SELECT max(until_unix_ns) FROM permits"
		                " WHERE address = ?1 AND ended_unix_ns IS NULL",
		                "t", text);
	}
	return error;
}

enum exit_code permit_rows_read_all(struct db *db, struct permit_entries *entries)
{
	sqlite3_stmt *row = db_prepare(db,
	                               "SELECT address, max(until_unix_ns) FROM permits"
	                               " WHERE ended_unix_ns IS NULL GROUP BY address",
	                               "");
	enum exit_code error = EXIT_DONE, failed;

	while (!error && db_next(row)) {
		struct xrl_address address = read_address(row, 0);

		error = permit_entries_add(entries, &address);
		if (!error)
			entries->entries[entries->count - 1].until_unix_ns =
				sqlite3_column_int64(row, 1);
	}
	failed = db_finish(db, row);
	return error ? error : failed;
}

/* ---- expiry ---- */

enum exit_code permit_rows_expire(struct db *db, __s64 now_unix_ns, struct permit_entries *ended)
{
	sqlite3_stmt *row = db_prepare(db,
	                               "UPDATE permits SET ended_unix_ns = until_unix_ns"
	                               " WHERE ended_unix_ns IS NULL AND until_unix_ns <= ?1"
	                               " RETURNING address",
	                               "i", now_unix_ns);
	enum exit_code error = EXIT_DONE, failed;

	while (!error && db_next(row)) {
		struct xrl_address address = read_address(row, 0);

		error = permit_entries_add(ended, &address);
	}
	failed = db_finish(db, row);
	return error ? error : failed;
}

enum exit_code permit_rows_purge(struct db *db, const struct permit_rules *rules, __s64 now_unix_ns)
{
	/* keep every request that still counts towards a quota */
	__s64 kept_ns =
		(__s64)rules->window_ns > RETENTION_NS ? (__s64)rules->window_ns : RETENTION_NS;
	__s64 before_ns = now_unix_ns - kept_ns;
	enum exit_code error =
		db_run(db, "DELETE FROM permits WHERE ended_unix_ns < ?1", "i", before_ns);

	if (!error)
		error = db_run(db,
		               "DELETE FROM requests WHERE at_unix_ns < ?1 AND NOT EXISTS"
		               " (SELECT 1 FROM permits WHERE request_id = requests.id)",
		               "i", before_ns);
	return error;
}

enum exit_code permit_rows_count(struct db *db, __s64 enough, __s64 *addresses)
{
	/* Upper bounds from cheap to exact: rows within the retention, active permits, and distinct
	 * addresses, of which several accounts may have a permit. */
	static const char *const queries[] = {
		"SELECT (SELECT max(id) FROM permits) - (SELECT min(id) FROM permits) + 1",
		"SELECT count(*) FROM permits WHERE ended_unix_ns IS NULL",
		"SELECT count(DISTINCT address) FROM permits WHERE ended_unix_ns IS NULL",
	};
	enum exit_code error = EXIT_DONE;

	*addresses = enough + 1;
	for (size_t i = 0;
	     i < sizeof(queries) / sizeof(queries[0]) && *addresses > enough && !error; i++)
		error = db_read(db, addresses, 0, queries[i], "");
	return error;
}

enum exit_code permit_rows_count_unexpired(struct db *db, __s64 now_unix_ns, __s64 *addresses)
{
	return db_read(db, addresses, 0,
	               "SELECT count(DISTINCT address) FROM permits"
	               " WHERE ended_unix_ns IS NULL AND until_unix_ns > ?1",
	               "i", now_unix_ns);
}

/* ---- changes ---- */

enum exit_code permit_rows_add_request(struct db *db, __s64 account_id, __s64 now_unix_ns,
                                       const struct address_list *addresses, const char *via,
                                       const char *comment, __s64 *request_id)
{
	enum exit_code error =
		db_run(db,
	               "INSERT INTO requests (account_id, at_unix_ns,"
	               " address_count, via, comment)"
	               " VALUES (?1, ?2, ?3, ?4, ?5)",
	               "iiitt", account_id, now_unix_ns, (__s64)addresses->count, via, comment);

	*request_id = error ? 0 : sqlite3_last_insert_rowid(db->handle);
	return error;
}

static enum exit_code insert_permit(struct db *db, __s64 account_id, __s64 request_id,
                                    __s64 now_unix_ns, const char *address, __s64 until_unix_ns)
{
	return db_run(db,
	              "INSERT INTO permits (address, account_id, request_id, since_unix_ns,"
	              " until_unix_ns) VALUES (?1, ?2, ?3, ?4, ?5)",
	              "tiiii", address, account_id, request_id, now_unix_ns, until_unix_ns);
}

static enum exit_code extend_permit(struct db *db, __s64 account_id, __s64 request_id,
                                    const char *address, __s64 until_unix_ns)
{
	return db_run(db,
	              "UPDATE permits SET until_unix_ns = ?1, request_id = ?2"
	              " WHERE address = ?3 AND account_id = ?4 AND ended_unix_ns IS NULL",
	              "iiti", until_unix_ns, request_id, address, account_id);
}

enum exit_code permit_rows_permit(struct db *db, __s64 account_id, __s64 request_id,
                                  __s64 now_unix_ns, __s64 until_unix_ns,
                                  struct permit_result *result)
{
	address_text text;
	enum exit_code error;
	__s64 old_ns;

	write_address(&result->address, text);
	error = db_read(db, &old_ns, 0,
	                "SELECT until_unix_ns FROM permits WHERE address = ?1"
	                " AND account_id = ?2 AND ended_unix_ns IS NULL",
	                "ti", text, account_id);
	result->until_unix_ns = until_unix_ns;
	if (error)
		return error;
	if (!old_ns) {
		result->change = PERMIT_NEW;
		return insert_permit(db, account_id, request_id, now_unix_ns, text, until_unix_ns);
	}
	if (old_ns >= until_unix_ns) {
		result->change = PERMIT_UNCHANGED;
		result->until_unix_ns = old_ns;
		return EXIT_DONE;
	}
	result->change = PERMIT_EXTENDED;
	return extend_permit(db, account_id, request_id, text, until_unix_ns);
}

enum exit_code permit_rows_revoke(struct db *db, __s64 account_id, __s64 now_unix_ns,
                                  struct permit_result *result)
{
	address_text text;
	enum exit_code error;

	write_address(&result->address, text);
	error = db_run(db,
	               "UPDATE permits SET ended_unix_ns = ?1 WHERE address = ?2"
	               " AND ended_unix_ns IS NULL AND (?3 = 0 OR account_id = ?3)",
	               "iti", now_unix_ns, text, account_id);
	if (error)
		return error;
	result->change = sqlite3_changes(db->handle) ? PERMIT_REVOKED : PERMIT_NONE;
	result->until_unix_ns = now_unix_ns;
	return EXIT_DONE;
}

/* ---- records ---- */

static void read_record(sqlite3_stmt *row, struct permit_record *record)
{
	*record = (struct permit_record){
		.address = read_address(row, 0),
		.request_id = sqlite3_column_int64(row, 3),
		.since_unix_ns = sqlite3_column_int64(row, 4),
		.until_unix_ns = sqlite3_column_int64(row, 5),
		.active = sqlite3_column_type(row, 6) == SQLITE_NULL,
	};
	db_text(row, 1, record->account, sizeof(record->account));
	db_text(row, 2, record->comment, sizeof(record->comment));
	if (record->active)
		return;
	record->revoked = sqlite3_column_int64(row, 6) < record->until_unix_ns;
	record->until_unix_ns = sqlite3_column_int64(row, 6);
}

static int compare_records(const void *a, const void *b)
{
	const struct permit_record *left = a, *right = b;
	int order = memcmp(&left->address, &right->address, sizeof(left->address));

	if (!order)
		order = (left->since_unix_ns > right->since_unix_ns) -
		        (left->since_unix_ns < right->since_unix_ns);
	return order ? order : strcmp(left->account, right->account);
}

enum exit_code permit_rows_list(struct db *db, __s64 account_id, bool ended,
                                struct permit_record **records, __u32 *count)
{
	enum exit_code error = EXIT_DONE, failed;
	__u32 room = 0;
	sqlite3_stmt *row = db_prepare(
		db,
		"SELECT address, accounts.name, requests.comment, request_id, since_unix_ns,"
		" until_unix_ns, ended_unix_ns FROM permits"
		" JOIN accounts ON accounts.id = permits.account_id"
		" JOIN requests ON requests.id = request_id"
		" WHERE (?1 = 0 OR permits.account_id = ?1) AND (?2 OR ended_unix_ns IS NULL)",
		"ii", account_id, (__s64)ended);

	*records = NULL;
	*count = 0;
	while (db_next(row)) {
		if (*count == room) {
			struct permit_record *larger;

			room = room ? room * 2 : 64;
			larger = reallocarray(*records, room, sizeof(*larger));
			if (!larger) {
				error = fail(EXIT_FAILED, NULL, "out of memory");
				break;
			}
			*records = larger;
		}
		read_record(row, &(*records)[(*count)++]);
	}
	failed = db_finish(db, row);
	error = error ? error : failed;
	if (!error && *count)
		qsort(*records, *count, sizeof(**records), compare_records);
	return error;
}

/* ---- the state of the copy in the map ---- */

enum exit_code permit_rows_last_change(struct db *db, __s64 *change)
{
	return db_read(db, change, 0, "SELECT change FROM state", "");
}

enum exit_code permit_rows_next_change(struct db *db, __s64 now_unix_ns, __s64 *change)
{
	return db_read(db, change, 0,
	               "UPDATE state SET change = change + 1, seen_unix_ns = ?1"
	               " RETURNING change",
	               "i", now_unix_ns);
}

enum exit_code permit_rows_is_synced(struct db *db, bool *is_synced)
{
	__s64 value;
	enum exit_code error = db_read(db, &value, 1, "SELECT followed FROM state", "");

	*is_synced = value;
	return error;
}

enum exit_code permit_rows_import(struct db *db, __s64 now_unix_ns,
                                  const struct permit_entries *found)
{
	enum exit_code error = db_run(db, "UPDATE state SET followed = 1", "");
	__s64 request_id, account_id = 0;

	if (error || !found->count)
		return error;
	error = db_read(db, &account_id, 0, "SELECT id FROM accounts WHERE name = ?1", "t",
	                ACCOUNT_LOCAL);
	/* the time of the request is unknown: 0 keeps it out of every quota */
	if (!error)
		error = db_run(db,
		               "INSERT INTO requests (account_id, at_unix_ns, address_count, via,"
		               " comment) VALUES (?1, 0, ?2, 'map', 'found in the map')",
		               "ii", account_id, (__s64)found->count);
	request_id = sqlite3_last_insert_rowid(db->handle);
	for (__u32 i = 0; i < found->count && !error; i++) {
		struct permit_result result = {.address = found->entries[i].address};

		error = permit_rows_permit(db, account_id, request_id, now_unix_ns,
		                           found->entries[i].until_unix_ns, &result);
	}
	return error;
}
