// libpq, loaded when it is first needed.
//
// A server on SQLite never needs it, and libpq with what it brings along (TLS, LDAP, Kerberos) is a tenth of an idle server's
// memory. So this target defines the functions that we call, and has them call the library's.

#ifndef AXOLEMMA_CPOSTGRES_H
#define AXOLEMMA_CPOSTGRES_H

#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h> // Debian's place
#else
#include <libpq-fe.h>
#endif

/// Loads libpq, if that has not been done. Call it before any other function here, which end the program if there is no
/// libpq.
///
/// Returns why that cannot be done, or NULL.
const char *_Nullable libpq_load(void);

#endif
