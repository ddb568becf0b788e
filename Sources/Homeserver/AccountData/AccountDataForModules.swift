package import MatrixCore
import ModuleAPI

/// What modules may do with users' account data.
package struct AccountDataForModules: ModuleAccountData {
    private let accountData: AccountDataService
    private let serverName: ServerName

    package init(accountData: AccountDataService, serverName: ServerName) {
        self.accountData = accountData
        self.serverName = serverName
    }

    package func global(_ type: String, of user: UserID) async throws -> JSONObject? {
        try await content(type, in: nil, of: user)
    }

    package func data(_ type: String, in room: RoomID, of user: UserID) async throws -> JSONObject? {
        try await content(type, in: room, of: user)
    }

    package func setGlobal(_ type: String, to content: JSONObject, of user: UserID) async throws {
        guard let account = try await account(of: user) else {
            throw ModuleError.invalid("User \(user) does not exist on this server")
        }
        try await accountData.write(type, in: nil, to: content, of: user, account: account)
    }

    private func content(_ type: String, in room: RoomID?, of user: UserID) async throws -> JSONObject? {
        guard let account = try await account(of: user) else { return nil }
        return try await accountData.content(type, in: room, of: account)
    }

    private func account(of user: UserID) async throws -> Int64? {
        guard user.server == serverName else { throw ModuleError.notLocal(user.string) }
        return try await accountData.account(of: user)
    }
}
