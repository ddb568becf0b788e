import Logging
package import MatrixCore
package import ModuleAPI

/// The questions put to presence routers. A module that fails is left out.
extension ModuleRegistry {
    /// Who is to be told of these states beside those who share a room with the users: everybody any module names.
    /// - Throws: `CancellationError`.
    package func getUsersForStates(
        _ states: [UserPresenceState]
    ) async throws -> [UserID: Set<UserPresenceState>] {
        var users: [UserID: Set<UserPresenceState>] = [:]
        for entry in entries(.getUsersForStates, \.getUsersForStates) {
            let answer = try await runner.attempt(entry.target, logging: .warning) { try await entry.callback(states) }
            users.merge(answer ?? [:]) { $0.union($1) }
        }
        return users
    }

    /// Whose presence a local user is to see beside those who share a room with them: everybody any module names.
    /// - Throws: `CancellationError`.
    package func getInterestedUsers(_ user: UserID) async throws -> PresenceInterest {
        var users: Set<UserID> = []
        for entry in entries(.getInterestedUsers, \.getInterestedUsers) {
            let answer = try await runner.attempt(entry.target, logging: .warning) { try await entry.callback(user) }
            switch answer {
            case .all: return .all
            case .users(let more): users.formUnion(more)
            case nil: break
            }
        }
        return .users(users)
    }
}
