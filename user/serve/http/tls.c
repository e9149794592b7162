// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/tls.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILE_SIZE (1 << 20)

static enum exit_code read_pem(char **text, const char *path, const char *what)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* do not block on a FIFO */
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	struct stat status;
	size_t length = 0;

	*text = NULL;
	if (!file)
		return fail(EXIT_FAILED, "correct the path, or remove the setting",
		            "cannot read the %s %s: %m", what, path);
	if (!fstat(fileno(file), &status) && S_ISREG(status.st_mode))
		*text = calloc(1, MAX_FILE_SIZE + 1);
	if (*text)
		length = fread(*text, 1, MAX_FILE_SIZE + 1, file);
	fclose(file);
	if (length && length <= MAX_FILE_SIZE && strlen(*text) == length)
		return EXIT_DONE;
	free(*text);
	*text = NULL;
	return fail(EXIT_FAILED, NULL, "the %s %s is not a PEM file of at most 1 MiB", what, path);
}

static enum exit_code explain(int error, const struct serve_settings *settings)
{
	if (error == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return fail(EXIT_FAILED, NULL, "the key %s does not match the certificate %s",
		            settings->key, settings->certificate);
	if (error == GNUTLS_E_DECRYPTION_FAILED || error == GNUTLS_E_PKCS1_WRONG_PAD)
		return fail(EXIT_FAILED, "store it without one: openssl pkey -in KEY -out NEW",
		            "the key %s is protected by a passphrase", settings->key);
	return fail(EXIT_FAILED, "both must be PEM; the certificate first, then its issuers",
	            "cannot use the certificate %s with the key %s: %s", settings->certificate,
	            settings->key, gnutls_strerror(error));
}

static enum exit_code check_pair(const struct tls *tls, const struct serve_settings *settings)
{
	gnutls_datum_t certificate = {(void *)tls->certificate, strlen(tls->certificate)};
	gnutls_datum_t key = {(void *)tls->key, strlen(tls->key)};
	gnutls_certificate_credentials_t credentials;
	int error = gnutls_certificate_allocate_credentials(&credentials);

	if (error)
		return explain(error, settings);
	error = gnutls_certificate_set_x509_key_mem(credentials, &certificate, &key,
	                                            GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	return error < 0 ? explain(error, settings) : EXIT_DONE;
}

enum exit_code tls_load(struct tls *tls, const struct serve_settings *settings)
{
	struct tls loaded = {};
	enum exit_code error;

	*tls = loaded;
	if (!settings->certificate[0] && !settings->key[0])
		return EXIT_DONE;
	if (!settings->certificate[0] || !settings->key[0])
		return fail(EXIT_FAILED, "TLS needs both: the settings `certificate` and `key`",
		            "there is a %s without a %s",
		            settings->certificate[0] ? "certificate" : "key",
		            settings->certificate[0] ? "key" : "certificate");
	error = read_pem(&loaded.certificate, settings->certificate, "certificate");
	if (!error)
		error = read_pem(&loaded.key, settings->key, "key");
	if (!error && loaded.certificate && loaded.key)
		error = check_pair(&loaded, settings);
	if (error)
		tls_release(&loaded);
	*tls = loaded;
	return error;
}

void tls_release(struct tls *tls)
{
	if (tls->key)
		explicit_bzero(tls->key, strlen(tls->key));
	free(tls->certificate);
	free(tls->key);
	*tls = (struct tls){};
}
