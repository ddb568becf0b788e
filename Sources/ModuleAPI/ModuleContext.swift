public import MatrixCore

/// What a module may ask of the server it runs in.
///
/// Every member may be used from the module's initializer on, and from inside callbacks: a callback may send an event
/// into the very room it is asked about.
public protocol ModuleContext: Sendable {
    // MARK: The server

    /// The name of this server, the part after the colon in its users' IDs.
    var serverName: ServerName { get }

    /// Where clients reach this server; ends in a slash.
    var publicBaseURL: String { get }

    /// What the server calls itself in mail.
    var emailAppName: String { get }

    /// The server's log; entries carry the module's name.
    var log: ModuleLog { get }

    // MARK: Registering

    // Each adds callbacks after those of the modules before this one. Several calls add up, and those made after the server
    // started are effective at once.

    func register(_ spamChecker: SpamChecker)
    func register(_ rules: ThirdPartyRules)
    func register(_ router: PresenceRouter)
    /// - Throws: ``ModuleError/invalid(_:)`` if there is a module with the same `onLegacy…` callback already.
    func register(_ validity: AccountValidity) throws
    /// - Throws: ``ModuleError/invalid(_:)`` if a module has a checker for one of the login types with other fields.
    func register(_ provider: PasswordAuthProvider) throws
    func register(_ callbacks: AccountDataCallbacks)
    /// Has no effect but an entry in the log if there is a module with one already.
    func register(_ controller: BackgroundUpdateController)
    func register(_ callbacks: MediaRepositoryCallbacks)
    func register(_ callbacks: RateLimitCallbacks)
    func register(_ callbacks: ExtraUnsignedFields)
    func register(_ callbacks: FederationCallbacks)

    /// Answers requests for a path. Only the initializer may do so. Synapse's `register_web_resource`.
    ///
    /// The first module to register a path keeps it; others are told so in the log.
    /// - Throws: ``ModuleError/invalid(_:)`` once the server has started, and for a path without a slash at its beginning.
    func register(_ resource: WebResource) throws

    // MARK: Doing

    /// Users of this server: looking them up, registering and changing them.
    var users: any ModuleUsers { get }

    /// Rooms: their state and members, sending into them, making them.
    var rooms: any ModuleRooms { get }

    /// The list of rooms that this server publishes.
    var publicRooms: any PublicRoomList { get }

    /// What users' clients keep on the server.
    var accountData: any ModuleAccountData { get }

    /// Tables of the module's own.
    var database: any ModuleDatabase { get }

    /// Requests to other servers.
    var http: any HTTPClient { get }

    /// Work that no callback asks for.
    var background: any BackgroundCalls { get }
}

extension ModuleContext {
    /// The full user ID of what a person typed: unchanged if it begins with `@`, else a user of this server.
    ///
    /// `nil` if that makes no user ID.
    public func qualifiedUserID(_ username: String) -> UserID? {
        username.utf8.first == UInt8(ascii: "@")
            ? UserID(username) : UserID(localpart: username, server: serverName)
    }

    /// Whether an identifier names this server after its first colon.
    ///
    /// Identifiers without a server name, such as room IDs from room version 12 on, belong to nobody.
    public func isMine(_ identifier: some MatrixIdentifier) -> Bool {
        let bytes = identifier.string.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return false }
        return bytes[bytes.index(after: colon)...].elementsEqual(serverName.string.utf8)
    }
}

/// An event for the server to make and send.
public struct NewEvent: Hashable, Sendable {
    public var type: EventType
    public var roomID: RoomID
    /// A user of this server who is in the room.
    public var sender: UserID
    public var content: JSONObject
    /// `nil` for an event that is no state.
    public var stateKey: String?

    public init(type: EventType, roomID: RoomID, sender: UserID, content: JSONObject, stateKey: String? = nil) {
        self.type = type
        self.roomID = roomID
        self.sender = sender
        self.content = content
        self.stateKey = stateKey
    }
}
