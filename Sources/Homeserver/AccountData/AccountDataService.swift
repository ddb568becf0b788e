package import MatrixCore
package import SQLEngine
import Storage

/// What users' clients keep on the server, for the account or for a room.
///
/// Spec: Client-Server API, [Client Config](https://spec.matrix.org/v1.19/client-server-api/#client-config).
package final class AccountDataService: Sendable {
    private let database: any Database
    private let stream: EventStream
    private let modules: ModuleRegistry

    package init(database: any Database, stream: EventStream, modules: ModuleRegistry) {
        self.database = database
        self.stream = stream
        self.modules = modules
    }

    /// How long the name of a type may be.
    private static let maximumTypeBytes = 255
    /// Types that the server sees to itself.
    private static let managed: Set<String> = ["m.fully_read", "m.push_rules"]

    /// A piece of account data; `nil` if there is none.
    /// - Parameter room: `nil` for the account as a whole.
    package func content(_ type: String, in room: RoomID?, of account: Int64) async throws -> JSONObject? {
        // None of ours has a NUL there, and PostgreSQL would refuse the question.
        guard !type.utf8.contains(0) else { return nil }
        let text = try await database.read { try $0.accountData.content(type, in: room, of: account) }
        return try text.map { try JSONObject.parse(Array($0.utf8)) }
    }

    /// Writes a piece of account data that a client sets.
    /// - Throws: 405 `M_BAD_JSON` for a type that the server sees to itself.
    package func set(
        _ type: String, in room: RoomID?, to content: JSONObject, by requester: Requester
    ) async throws {
        if Self.managed.contains(type) {
            throw MatrixError(status: 405, code: .badJSON, message: "Cannot set \(type) through this API.")
        }
        try await write(type, in: room, to: content, of: requester.user, account: requester.accountNumber)
    }

    /// Writes a piece of account data, wakes the user's clients, and tells modules, for which it waits.
    /// - Throws: 400 for a type that cannot be stored; 403 if the account has too many pieces already.
    package func write(
        _ type: String, in room: RoomID?, to content: JSONObject, of user: UserID, account: Int64
    ) async throws {
        guard !type.isEmpty, type.utf8.count <= Self.maximumTypeBytes, !type.utf8.contains(0) else {
            throw MatrixError.invalidParam("Account data types must have 1 to \(Self.maximumTypeBytes) bytes, none NUL")
        }
        let text = String(decoding: content.encoded(), as: UTF8.self)
        try await database.write { [stream] transaction in
            guard try transaction.accountData.hasSpace(for: type, in: room, of: account) else {
                throw MatrixError.forbidden(
                    "An account may have \(AccountDataStore.maximumPieces) pieces of account data, and this one does")
            }
            let position = try transaction.accountData.set(type, in: room, to: text, of: account)
            transaction.onCommit { stream.advanceAccountData(of: user, to: position) }
        }
        await modules.onAccountDataUpdated(user: user, room: room, type: type, content: content)
    }

    /// The account of a user of this server; `nil` if there is none.
    func account(of user: UserID) async throws -> Int64? {
        try await database.read { try $0.accounts.account(of: user)?.number }
    }
}
