#define _GNU_SOURCE
#include "CPostgres.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *library;
static char *failure;
static pthread_once_t loading = PTHREAD_ONCE_INIT;

static void load(void) {
    library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library) return;
    const char *reason = dlerror();
    failure = strdup(reason ? reason : "unknown reason");
}

const char *libpq_load(void) {
    pthread_once(&loading, load);
    return library ? NULL : failure;
}

static void *function(const char *name) {
    void *found = libpq_load() ? NULL : dlsym(library, name);
    if (!found) {
        fprintf(stderr, "axolemma: libpq has no %s: %s\n", name, failure ? failure : "too old");
        abort();
    }
    return found;
}

// Defines `name` as the library's function of that name, looked up at the first call. Two threads may both look it up; they
// find the same.
#define FORWARD(result, name, parameters, arguments)                                 \
    result name parameters {                                                         \
        static void *known;                                                          \
        void *found = __atomic_load_n(&known, __ATOMIC_ACQUIRE);                     \
        if (!found) {                                                                \
            found = function(#name);                                                 \
            __atomic_store_n(&known, found, __ATOMIC_RELEASE);                       \
        }                                                                            \
        return ((result(*) parameters)found)arguments;                               \
    }

FORWARD(void, PQclear, (PGresult *res), (res))
FORWARD(char *, PQcmdStatus, (PGresult *res), (res))
FORWARD(char *, PQcmdTuples, (PGresult *res), (res))
FORWARD(PQconninfoOption *, PQconndefaults, (void), ())
FORWARD(PGconn *, PQconnectdbParams, (const char *const *keywords, const char *const *values, int expand_dbname),
        (keywords, values, expand_dbname))
FORWARD(void, PQconninfoFree, (PQconninfoOption *options), (options))
FORWARD(PQconninfoOption *, PQconninfoParse, (const char *conninfo, char **errmsg), (conninfo, errmsg))
FORWARD(PGresult *, PQdescribePrepared, (PGconn *conn, const char *stmt), (conn, stmt))
FORWARD(char *, PQerrorMessage, (const PGconn *conn), (conn))
FORWARD(PGresult *, PQexec, (PGconn *conn, const char *query), (conn, query))
FORWARD(PGresult *, PQexecPrepared,
        (PGconn *conn, const char *name, int count, const char *const *values, const int *lengths, const int *formats,
         int resultFormat),
        (conn, name, count, values, lengths, formats, resultFormat))
FORWARD(void, PQfinish, (PGconn *conn), (conn))
FORWARD(int, PQflush, (PGconn *conn), (conn))
FORWARD(void, PQfreemem, (void *ptr), (ptr))
FORWARD(Oid, PQftype, (const PGresult *res, int field), (res, field))
FORWARD(PGresult *, PQgetResult, (PGconn *conn), (conn))
FORWARD(int, PQgetisnull, (const PGresult *res, int row, int field), (res, row, field))
FORWARD(int, PQgetlength, (const PGresult *res, int row, int field), (res, row, field))
FORWARD(char *, PQgetvalue, (const PGresult *res, int row, int field), (res, row, field))
FORWARD(int, PQnparams, (const PGresult *res), (res))
FORWARD(int, PQntuples, (const PGresult *res), (res))
FORWARD(int, PQnfields, (const PGresult *res), (res))
FORWARD(Oid, PQparamtype, (const PGresult *res, int number), (res, number))
FORWARD(PGresult *, PQprepare,
        (PGconn *conn, const char *name, const char *query, int count, const Oid *types),
        (conn, name, query, count, types))
FORWARD(char *, PQresultErrorField, (const PGresult *res, int code), (res, code))
FORWARD(ExecStatusType, PQresultStatus, (const PGresult *res), (res))
FORWARD(int, PQsendQuery, (PGconn *conn, const char *query), (conn, query))
FORWARD(int, PQserverVersion, (const PGconn *conn), (conn))
FORWARD(PQnoticeProcessor, PQsetNoticeProcessor, (PGconn *conn, PQnoticeProcessor proc, void *arg), (conn, proc, arg))
FORWARD(ConnStatusType, PQstatus, (const PGconn *conn), (conn))
FORWARD(PGTransactionStatusType, PQtransactionStatus, (const PGconn *conn), (conn))
