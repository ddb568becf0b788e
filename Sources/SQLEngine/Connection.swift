/// One connection to an engine. Created, used and closed by one thread.
protocol Connection: AnyObject {
    var engine: Engine { get }

    /// False once the connection broke or is in a state it can't leave; the holder closes it and opens another.
    var isUsable: Bool { get }

    /// Starts a transaction. Whatever fails here has run none of the caller's code.
    func begin(_ access: Access) throws(SQLError)

    /// Makes the transaction durable.
    func commit() throws(SQLError)

    /// Ends a read-only transaction. May return before the server has taken notice.
    func endRead()

    /// Abandons the transaction, whatever its state.
    func rollback()

    /// Opens a savepoint inside the ones that are open.
    func savepoint() throws(SQLError)

    /// Keeps what happened since the innermost savepoint, and closes it.
    func releaseSavepoint() throws(SQLError)

    /// Undoes what happened since the innermost savepoint, and closes it.
    func rollbackSavepoint() throws(SQLError)

    /// Runs one statement; calls `row` for each row until it answers false. Returns how many rows were changed.
    func run(_ sql: String, _ values: [SQLValue], row: (borrowing Row) -> Bool) throws(SQLError) -> Int

    /// Runs several statements without values.
    func run(script: String) throws(SQLError)

    /// Housekeeping, called after a commit once the callers have been told.
    func tidy()

    func close()
}

/// What a transaction is for.
enum Access: Sendable {
    case read
    case write
}

/// A thread's connection: opened when first needed, and again after a loss.
struct ConnectionSlot {
    private let connect: () throws(SQLError) -> any Connection
    private var connection: (any Connection)?

    init(connect: @escaping () throws(SQLError) -> any Connection) {
        self.connect = connect
    }

    /// Starts a transaction, on a new connection if the one at hand turns out to be lost.
    mutating func begin(_ access: Access) throws(SQLError) -> any Connection {
        if let connection, connection.isUsable {
            do throws(SQLError) {
                try connection.begin(access)
                return connection
            } catch {
                // Nothing of the caller's has run on a connection that died while idle, so a second try is safe.
                guard !connection.isUsable else { throw error }
            }
        }
        close()
        let fresh = try connect()
        connection = fresh
        try fresh.begin(access)
        return fresh
    }

    mutating func close() {
        connection?.close()
        connection = nil
    }
}
