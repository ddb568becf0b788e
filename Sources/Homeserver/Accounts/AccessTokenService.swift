import Crypto
package import MatrixCore
package import SQLEngine
import Storage
import Synchronization

/// Issues access tokens and says whom they stand for.
///
/// A token that was used lately is answered from memory. Storage and memory know tokens by their SHA-256 only.
package final class AccessTokenService: Sendable {
    private let database: any Database
    private let time: TimeSource
    private let random: RandomSource
    private let lastSeen: LastSeenRecorder
    private let modules: ModuleRegistry
    private let recovery: TokenRecovery?
    private let cache: Mutex<Cache>

    private struct Cache {
        var holders: GenerationalCache<TokenHash, Holder>
        /// Counts what was forgotten. A look-up that began before something was forgotten may not store its find.
        var epoch = 0
    }

    /// - Parameters:
    ///   - recovery: How the text of a token that ends is told to modules; without it they get an empty text for those
    ///     that no request shows.
    ///   - cacheLimit: How many tokens are kept in memory.
    package init(
        database: any Database, time: TimeSource, random: RandomSource, lastSeen: LastSeenRecorder,
        modules: ModuleRegistry, recovery: TokenRecovery? = nil, cacheLimit: Int = 50_000
    ) {
        self.modules = modules
        self.recovery = recovery
        self.database = database
        self.time = time
        self.random = random
        self.lastSeen = lastSeen
        cache = Mutex(Cache(holders: GenerationalCache(limit: cacheLimit)))
    }

    /// Whom a token stands for.
    ///
    /// - Parameters:
    ///   - address: Where the request comes from, for the user's list of devices; `nil` leaves the list as it is.
    ///   - userAgent: What made the request, for the same.
    /// - Throws: 401 `M_UNKNOWN_TOKEN`, with `soft_logout` if the token has expired; 401 `M_USER_LOCKED`.
    package func requester(
        forToken token: String, address: String?, userAgent: String?
    ) async throws -> Requester {
        let hash = TokenHash(of: token)
        let now = time.now()
        let (found, epoch) = cache.withLock { ($0.holders.value(for: hash), $0.epoch) }
        guard var holder = found else {
            guard let stored = try await database.read({ try $0.accessTokens.token(hash: hash.bytes) }),
                !stored.account.isDeactivated
            else { throw MatrixError.unknownToken("Invalid access token passed.", softLogout: false) }
            var holder = Holder(stored)
            note(&holder, now, address, userAgent)
            cache.withLock { cache in
                if cache.epoch == epoch { cache.holders.store(holder, for: hash) }
            }
            return try holder.admit(at: now)
        }
        let requester = try holder.admit(at: now)
        if let address, holder.isDue(at: now.milliseconds, address: address, userAgent: userAgent) {
            note(&holder, now, address, userAgent)
            cache.withLock { cache in
                if cache.epoch == epoch { cache.holders.store(holder, for: hash) }
            }
        }
        return requester
    }

    /// Refuses somebody whose account has expired, as modules know.
    /// - Throws: 403 `ORG_MATRIX_EXPIRED_ACCOUNT`; whatever a module throws.
    package func checkValidity(of requester: Requester) async throws {
        guard modules.has(.isUserExpired), try await modules.isUserExpired(requester.user) == true else { return }
        throw MatrixError(status: 403, code: "ORG_MATRIX_EXPIRED_ACCOUNT", message: "User account has expired")
    }

    /// Makes the text of a new token.
    func newToken() -> NewToken {
        if let recovery, modules.has(.onLoggedOut) {
            let seed = random.bytes(16)
            let text = recovery.text(from: seed)
            return NewToken(text: text, hash: Self.hash(of: text), seed: seed)
        }
        let text = "axt_" + random.letters(40)
        return NewToken(text: text, hash: Self.hash(of: text), seed: nil)
    }

    /// What storage knows a token by.
    static func hash(of token: String) -> [UInt8] { TokenHash(of: token).bytes }

    /// Tells modules of tokens that ended. Called when the transaction that deleted them is durable.
    /// - Parameter shown: The text of the request's own token.
    func tellModules(of ended: [EndedToken], of user: UserID, shown: String? = nil) async {
        guard modules.has(.onLoggedOut), !ended.isEmpty else { return }
        let shown = shown.map { (text: $0, hash: Self.hash(of: $0)) }
        for token in ended {
            var text = ""
            if let shown, shown.hash == token.hash {
                text = shown.text
            } else if let recovered = token.seed.flatMap({ recovery?.text(from: $0) }),
                Self.hash(of: recovered) == token.hash
            {
                text = recovered
            }
            await modules.onLoggedOut(user: user, device: token.device, accessToken: text)
        }
    }

    /// Forgets a token that storage no longer has. Called when the transaction that deleted it is durable.
    func forget(token number: Int64) { forget { $0.requester.tokenNumber == number } }

    /// Forgets the tokens of an account, or of some of its devices.
    func forget(account: Int64, devices: [DeviceID]? = nil) {
        let devices = devices.map(Set.init)
        forget { holder in
            guard holder.requester.accountNumber == account else { return false }
            guard let devices else { return true }
            return holder.requester.device.map(devices.contains) ?? false
        }
    }

    private func forget(where matches: (Holder) -> Bool) {
        cache.withLock { cache in
            cache.epoch += 1
            cache.holders.removeAll(where: matches)
        }
    }

    private func note(_ holder: inout Holder, _ now: Timestamp, _ address: String?, _ userAgent: String?) {
        guard let address, let token = holder.requester.tokenNumber else { return }
        holder.noted = (now.milliseconds, address, userAgent)
        let sighting = DeviceSighting(at: now, address: address, userAgent: userAgent)
        lastSeen.note(
            sighting, account: holder.requester.accountNumber, device: holder.requester.device, token: token)
    }
}

/// An access token fresh from the generator.
struct NewToken: Sendable {
    /// What the client is given; kept nowhere.
    let text: String
    let hash: [UInt8]
    /// What the text follows from; `nil` if nobody will want to know.
    let seed: [UInt8]?
}

/// What is kept in memory of a token.
private struct Holder: Sendable {
    let requester: Requester
    let validUntil: Timestamp?
    let isLocked: Bool
    var noted: (at: Int64, address: String, userAgent: String?)?

    init(_ token: AccessToken) {
        let account = token.account
        requester = Requester(
            user: account.user, device: token.device, accountNumber: account.number, tokenNumber: token.number,
            isGuest: account.isGuest, isAdmin: account.isAdmin, isShadowBanned: account.isShadowBanned)
        validUntil = token.validUntil
        isLocked = account.isLocked
    }

    func admit(at now: Timestamp) throws(MatrixError) -> Requester {
        if let validUntil, validUntil < now {
            throw .unknownToken("Access token has expired", softLogout: true)
        }
        if isLocked {
            throw MatrixError(
                status: 401, code: .userLocked, message: "User account has been locked", fields: ["soft_logout": true])
        }
        return requester
    }

    func isDue(at time: Int64, address: String, userAgent: String?) -> Bool {
        guard let noted else { return true }
        return time - noted.at > LastSeenRecorder.granularity || !noted.address.hasSameBytes(as: address)
            || noted.userAgent != userAgent
    }
}

/// The SHA-256 of a token's text.
private struct TokenHash: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(of token: String) {
        var token = token
        words = token.withUTF8 { text in
            SHA256.hash(data: text).withUnsafeBytes { $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) }
        }
    }

    var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

    static func == (left: TokenHash, right: TokenHash) -> Bool { left.words == right.words }
    // A SHA-256 is as good a hash as any; one word of it is enough to spread keys.
    func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension MatrixError {
    fileprivate static func unknownToken(_ message: String, softLogout: Bool) -> MatrixError {
        MatrixError(
            status: 401, code: .unknownToken, message: message, fields: ["soft_logout": .bool(softLogout)])
    }
}
