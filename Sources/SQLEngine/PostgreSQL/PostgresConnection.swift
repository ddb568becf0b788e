import CPostgres
import Logging

/// A statement prepared on a PostgreSQL connection.
final class PostgresStatement: CachedStatement {
    let name: String
    let parameterTypes: [Oid]

    init(name: String, parameterTypes: [Oid]) {
        self.name = name
        self.parameterTypes = parameterTypes
    }
}

/// A connection to a PostgreSQL server through libpq, which blocks its thread.
final class PostgresConnection: Connection {
    let engine = Engine.postgresql
    private(set) var isUsable = true

    private let handle: OpaquePointer
    private let logger: Logger
    private var statements = StatementCache<PostgresStatement>()
    private var statementCount = 0
    private var arguments = PostgresArguments()
    /// True when the end of a read was sent and its answer not yet read.
    private var awaitsEnd = false

    init(_ parameters: PostgresParameters, logger: Logger) throws(SQLError) {
        self.logger = logger
        let settings = parameters.settings.sorted { $0.key < $1.key }
        guard
            let handle = withCStrings(
                settings.map(\.key),
                { keywords in
                    withCStrings(settings.map(\.value)) { values in
                        // Not expanding dbname: it must not smuggle in other parameters.
                        PQconnectdbParams(keywords, values, 0)
                    }
                })
        else { throw SQLError(.other, "out of memory") }
        self.handle = handle
        guard PQstatus(handle) == CONNECTION_OK else {
            let message = trimmed(String(cString: PQerrorMessage(handle)))
            PQfinish(handle)
            throw SQLError(.connectionLost, message)
        }
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        do throws(SQLError) {
            try check(parameters)
            try choosePath(parameters)
        } catch {
            PQfinish(handle)
            throw error
        }
    }

    /// Refuses a server or a database on which we would misbehave.
    private func check(_ parameters: PostgresParameters) throws(SQLError) {
        let version = PQserverVersion(handle)
        guard version >= 130_000 else {
            throw SQLError(.other, "PostgreSQL 13 or later is needed; this server is \(version / 10_000)")
        }
        let sql = """
            SELECT pg_encoding_to_char(encoding), datcollate FROM pg_catalog.pg_database
            WHERE datname = current_database()
            """
        var encoding = ""
        var collation = ""
        _ = try run(sql, []) { row in
            encoding = row.text(0)
            collation = row.text(1)
            return false
        }
        guard encoding == "UTF8" else {
            throw SQLError(
                .other, "the database's encoding must be UTF8, not \(encoding): \(PostgresConnection.advice)")
        }
        guard parameters.allowsUnsafeLocale || ["C", "POSIX", "C.UTF-8"].contains(collation) else {
            throw SQLError(.other, "the database's collation must be C, not \(collation): \(PostgresConnection.advice)")
        }
    }

    /// Says where names are looked up.
    private func choosePath(_ parameters: PostgresParameters) throws(SQLError) {
        if !parameters.searchPath.isEmpty {
            let schemas = parameters.searchPath.map { "\"\($0.replacing("\"", with: "\"\""))\"" }
            try command("SET search_path TO \(schemas.joined(separator: ", "))")
        } else if let schema = parameters.schema {
            var path = ""
            _ = try run("SELECT current_setting('search_path')", []) { row in
                path = row.text(0)
                return false
            }
            // Whoever chose something else knows why. What is in `public` is still found there.
            guard path == "\"$user\", public" else { return }
            try command("SET search_path TO \(schema), \"$user\", public")
        }
    }

    private static let advice = """
        create it with CREATE DATABASE … ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0
        """

    // MARK: Transactions

    func begin(_ access: Access) throws(SQLError) {
        if awaitsEnd {
            awaitsEnd = false
            while let result = PQgetResult(handle) {
                PQclear(result)
            }
        }
        guard PQtransactionStatus(handle) == PQTRANS_IDLE else {
            isUsable = false
            throw lostOrFailed(nil)
        }
        switch access {
        case .read: try command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        case .write: try command("BEGIN")
        }
    }

    func commit() throws(SQLError) {
        guard PQtransactionStatus(handle) == PQTRANS_INTRANS else {
            throw SQLError(.connectionLost, "the transaction was aborted before its commit")
        }
        let result = PQexec(handle, "COMMIT")
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK:
            // The server answers COMMIT with ROLLBACK where the transaction had failed.
            guard String(cString: PQcmdStatus(result)) == "COMMIT" else {
                throw SQLError(.other, "the transaction had failed and was rolled back")
            }
        default:
            let error = failure(result, sql: nil)
            guard error.kind == .connectionLost else { throw error }
            throw SQLError(
                .outcomeUnknown,
                "the connection was lost during COMMIT; the transaction may be on disk: \(error.message)")
        }
    }

    func endRead() {
        // The answer is read when the connection is next used: nobody has to wait for it.
        if PQtransactionStatus(handle) == PQTRANS_INTRANS, PQsendQuery(handle, "COMMIT") == 1, PQflush(handle) == 0 {
            awaitsEnd = true
        } else {
            rollback()
        }
    }

    func rollback() {
        switch PQtransactionStatus(handle) {
        case PQTRANS_IDLE:
            break
        case PQTRANS_INTRANS, PQTRANS_INERROR:
            PQclear(PQexec(handle, "ROLLBACK"))
            if PQtransactionStatus(handle) != PQTRANS_IDLE { isUsable = false }
        default:
            isUsable = false
        }
    }

    func savepoint() throws(SQLError) {
        try command("SAVEPOINT axolemma")
    }

    func releaseSavepoint() throws(SQLError) {
        try command("RELEASE axolemma")
    }

    func rollbackSavepoint() throws(SQLError) {
        try command("ROLLBACK TO axolemma; RELEASE axolemma")
    }

    // MARK: Statements

    func run(_ sql: String, _ values: [SQLValue], row: (borrowing Row) -> Bool) throws(SQLError) -> Int {
        let statement = try statement(for: sql)
        try arguments.encode(values, as: statement.parameterTypes, sql: sql)
        let result = arguments.withPointers { pointers, lengths, formats in
            PQexecPrepared(handle, statement.name, Int32(values.count), pointers, lengths, formats, 1)
        }
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK:
            if let result {
                for index in 0..<PQntuples(result) where !row(Row(result: result, row: index)) {
                    break
                }
            }
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            break
        default:
            throw failure(result, sql: sql)
        }
        guard let result, PQcmdStatus(result)[0] != UInt8(ascii: "S") else { return 0 }
        return Int(String(cString: PQcmdTuples(result))) ?? 0
    }

    func run(script: String) throws(SQLError) {
        try command(script)
    }

    private func command(_ sql: String) throws(SQLError) {
        let result = PQexec(handle, sql)
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: break
        default: throw failure(result, sql: sql)
        }
    }

    private func statement(for sql: String) throws(SQLError) -> PostgresStatement {
        if let statement = statements.statement(for: sql) { return statement }
        statementCount += 1
        let name = "s\(statementCount)"
        // The types of the parameters are the server's to infer; asking for them lets us send values in binary.
        let prepared = PQprepare(handle, name, sql, 0, nil)
        defer { PQclear(prepared) }
        guard PQresultStatus(prepared) == PGRES_COMMAND_OK else { throw failure(prepared, sql: sql) }
        let description = PQdescribePrepared(handle, name)
        defer { PQclear(description) }
        guard PQresultStatus(description) == PGRES_COMMAND_OK else { throw failure(description, sql: sql) }
        let types = (0..<PQnparams(description)).map { PQparamtype(description, $0) }
        let statement = PostgresStatement(name: name, parameterTypes: types)
        for evicted in statements.insert(statement, for: sql) {
            try command("DEALLOCATE \(evicted.name)")
        }
        return statement
    }

    private func failure(_ result: OpaquePointer?, sql: String?) -> SQLError {
        let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
        guard let state, PQstatus(handle) == CONNECTION_OK else { return lostOrFailed(result) }
        let kind: SQLError.Kind =
            switch state {
            case "23505": .uniqueViolation
            case "40001", "40P01", "55P03": .busy
            default: state.hasPrefix("23") ? .constraintViolation : .other
            }
        if let sql, state == "0A000" || state == "26000" {
            // The plan outlived a change of the schema, or the server forgot it.
            statements.remove(sql)
        }
        // Only the primary message: the detail holds values.
        let message = PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) }
        return SQLError(kind, message ?? "PostgreSQL error \(state)", sql: sql)
    }

    /// The error for an answer that isn't the server's own.
    private func lostOrFailed(_ result: OpaquePointer?) -> SQLError {
        guard PQstatus(handle) != CONNECTION_OK else {
            return SQLError(.other, trimmed(String(cString: PQerrorMessage(handle))))
        }
        if isUsable { logger.warning("Lost a connection to PostgreSQL") }
        isUsable = false
        return SQLError(.connectionLost, trimmed(String(cString: PQerrorMessage(handle))))
    }

    func tidy() {}

    func close() {
        isUsable = false
        PQfinish(handle)
    }
}

/// Passes `strings` as a C array of C strings that ends with a null pointer.
private func withCStrings<Value>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value
) -> Value {
    var bytes: [CChar] = []
    var offsets: [Int] = []
    for string in strings {
        offsets.append(bytes.count)
        bytes.append(contentsOf: string.utf8CString)
    }
    return bytes.withUnsafeBufferPointer { bytes in
        let pointers = offsets.map { offset in bytes.baseAddress.map { $0 + offset } } + [nil]
        return pointers.withUnsafeBufferPointer { pointers in
            guard let start = pointers.baseAddress else {
                preconditionFailure("an array with an element has an address")
            }
            return body(start)
        }
    }
}
