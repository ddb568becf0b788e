package import MatrixCore
package import SQLEngine

/// A user-interactive authentication under way.
///
/// Spec: [User-Interactive Authentication API](https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api).
package struct InteractiveAuthSession: Sendable {
    package let id: String
    package var createdAt: Timestamp
    /// The request the session was begun for: method, path and body without `auth`.
    package var method: String
    package var uri: String
    package var body: JSONObject
    /// What the server remembers for the session and never shows.
    package var data: JSONObject
    /// The completed stages, and what each established, in the order of completion.
    package var completed: JSONObject

    package init(
        id: String, createdAt: Timestamp, method: String, uri: String, body: JSONObject, data: JSONObject = [:],
        completed: JSONObject = [:]
    ) {
        self.id = id
        self.createdAt = createdAt
        self.method = method
        self.uri = uri
        self.body = body
        self.data = data
        self.completed = completed
    }
}

extension Transaction {
    package var interactiveAuth: InteractiveAuthStore { InteractiveAuthStore(self) }
}

/// The sessions of user-interactive authentication; they outlive a restart.
package struct InteractiveAuthStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    package func session(_ id: String) throws -> InteractiveAuthSession? {
        let found = try transaction.first(
            "SELECT creation_ts, method, uri, body, data FROM ui_auth_sessions WHERE session = $1", .text(id)
        ) { row in
            InteractiveAuthSession(
                id: id, createdAt: Timestamp(milliseconds: row.int(0)), method: row.text(1), uri: row.text(2),
                body: Self.object(row.text(3)), data: Self.object(row.text(4)))
        }
        guard var session = found else { return nil }
        try transaction.forEach(
            "SELECT stage, result FROM ui_auth_stages WHERE session = $1 ORDER BY completed_ts, stage", .text(id)
        ) { row in
            session.completed[row.text(0)] = (try? JSON.parse(Array(row.text(1).utf8))) ?? .null
            return true
        }
        return session
    }

    package func insert(_ session: InteractiveAuthSession) throws {
        try transaction.execute(
            """
            INSERT INTO ui_auth_sessions (session, creation_ts, method, uri, body, data)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            .text(session.id), .integer(session.createdAt.milliseconds), .text(session.method), .text(session.uri),
            .text(Self.text(session.body)), .text(Self.text(session.data)))
    }

    package func setBody(_ body: JSONObject, of session: String) throws {
        try transaction.execute(
            "UPDATE ui_auth_sessions SET body = $2 WHERE session = $1", .text(session), .text(Self.text(body)))
    }

    package func setData(_ data: JSONObject, of session: String) throws {
        try transaction.execute(
            "UPDATE ui_auth_sessions SET data = $2 WHERE session = $1", .text(session), .text(Self.text(data)))
    }

    package func complete(_ stage: String, result: JSON, of session: String, at time: Timestamp) throws {
        try transaction.execute(
            """
            INSERT INTO ui_auth_stages (session, stage, result, completed_ts) VALUES ($1, $2, $3, $4)
            ON CONFLICT (session, stage) DO UPDATE SET result = excluded.result
            """,
            .text(session), .text(stage), .text(String(decoding: result.encoded(), as: UTF8.self)),
            .integer(time.milliseconds))
    }

    package func delete(_ session: String) throws {
        try transaction.execute("DELETE FROM ui_auth_stages WHERE session = $1", .text(session))
        try transaction.execute("DELETE FROM ui_auth_sessions WHERE session = $1", .text(session))
    }

    /// The sessions begun before `time`, oldest first, at most `limit`.
    package func sessions(before time: Timestamp, limit: Int64) throws -> [InteractiveAuthSession] {
        try transaction.all(
            """
            SELECT session, creation_ts, method, uri, body, data FROM ui_auth_sessions WHERE creation_ts < $1
            ORDER BY creation_ts LIMIT $2
            """,
            .integer(time.milliseconds), .integer(limit)
        ) { row in
            InteractiveAuthSession(
                id: row.text(0), createdAt: Timestamp(milliseconds: row.int(1)), method: row.text(2), uri: row.text(3),
                body: Self.object(row.text(4)), data: Self.object(row.text(5)))
        }
    }

    private static func object(_ text: String) -> JSONObject { (try? JSONObject.parse(Array(text.utf8))) ?? [:] }
    private static func text(_ object: JSONObject) -> String { String(decoding: object.encoded(), as: UTF8.self) }
}
