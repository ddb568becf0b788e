package import Logging
import MatrixCore
import ModuleAPI
package import SQLEngine
import ServiceLifecycle
package import Storage

/// Ends accounts for good.
///
/// What ends the account happens at once. Its user then leaves their rooms, one after the other and behind the request; a
/// row in storage remembers that until it is done, so that a restart goes on with it.
///
/// Spec: [Account deactivation](https://spec.matrix.org/v1.19/client-server-api/#account-deactivation).
package final class DeactivationService: Service {
    private let database: any Database
    private let tokens: AccessTokenService
    private let memberships: MembershipService
    private let stream: EventStream
    private let states: RoomStates
    private let modules: ModuleRegistry
    private let log: Logger
    private let work: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    package init(
        database: any Database, tokens: AccessTokenService, memberships: MembershipService, stream: EventStream,
        states: RoomStates, modules: ModuleRegistry, log: Logger = Logger(label: "axolemma.accounts")
    ) {
        self.database = database
        self.tokens = tokens
        self.memberships = memberships
        self.stream = stream
        self.states = states
        self.modules = modules
        self.log = log
        (work, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Deactivates an account: devices, tokens, password and addresses go at once, its user ID stays taken.
    ///
    /// - Parameters:
    ///   - isErased: Whether the profile goes, too.
    ///   - isByAdmin: Whether an administrator does it, not the user.
    ///   - accessToken: The text of the request's own token, for modules.
    /// - Throws: 403 if a module forbids it.
    package func deactivate(
        _ account: Account, isErased: Bool, isByAdmin: Bool = false, accessToken: String? = nil
    ) async throws {
        let user = account.user
        try await modules.checkCanDeactivateUser(user, byAdmin: isByAdmin)
        let (number, tokens) = (account.number, tokens)
        let gone = try await database.write { transaction -> (tokens: [EndedToken], threepids: [StoredThreepid]) in
            let threepids = try transaction.threepids.deleteAll(of: number)
            try transaction.accounts.deactivate(number, erasing: isErased)
            let ended = try transaction.accessTokens.deleteAll(of: number)
            _ = try transaction.devices.deleteAll(of: number)
            try transaction.loginTokens.deleteAll(of: number)
            try transaction.externalIDs.deleteAll(of: number)
            if isErased { try transaction.profiles.set(Storage.UserProfile(), ofAccount: number) }
            try transaction.deactivations.begin(number)
            transaction.onCommit { tokens.forget(account: number) }
            return (ended, threepids)
        }
        for threepid in gone.threepids {
            await modules.onRemoveUserThirdPartyIdentifier(
                user, ThreepidAddress(medium: threepid.medium, address: threepid.address))
        }
        await tokens.tellModules(of: gone.tokens, of: user, shown: accessToken)
        wake.yield()
        if isErased {
            await modules.onProfileUpdate(
                user, profile: ModuleAPI.UserProfile(), byAdmin: isByAdmin, isDeactivation: true)
        }
        await modules.onUserDeactivationStatusChanged(user, isDeactivated: true, byAdmin: isByAdmin)
    }

    /// Makes users of deactivated accounts leave their rooms, until the server stops.
    package func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await leaveRooms()
            for await _ in work { await leaveRooms() }
        }
    }

    /// Makes users of deactivated accounts leave the rooms they are still in.
    package func leaveRooms() async {
        do {
            for account in try await database.read({ try $0.deactivations.pending() }) {
                do {
                    try await leaveRooms(account)
                    try await database.write { try $0.deactivations.finish(account.number) }
                } catch let error where !(error is CancellationError) {
                    log.error("\(account.user) will leave their rooms after the next start: \(error)")
                }
            }
        } catch is CancellationError {
            return
        } catch {
            log.error("Deactivated users will leave their rooms after the next start: \(error)")
        }
    }

    private func leaveRooms(_ account: Account) async throws {
        let requester = Requester(user: account.user, device: nil, accountNumber: account.number)
        let places = try await stream.rooms(of: account.user).rooms
        let present = places.filter { [.join, .invite, .knock].contains($0.value.membership) }
        let rooms = try await database.read { [caches = states.caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            return try present.sorted { $0.value.stream < $1.value.stream }.map { try stores.room($0.key).id }
        }
        for room in rooms {
            try Task.checkCancellation()
            do {
                _ = try await memberships.apply(
                    MembershipService.Change(.leave, of: account.user), in: room, by: requester)
            } catch let error as any MatrixErrorConvertible {
                log.warning("\(account.user) cannot leave \(room): \(error)")
            }
        }
    }
}
