public import MatrixCore

/// What a module may ask of the server it runs in.
///
/// Every member may be used from the module's initializer on, and from inside callbacks: a callback may send an event
/// into the very room it is asked about.
public protocol ModuleContext: Sendable {
    /// The name of this server, the part after the colon in its users' IDs.
    var serverName: ServerName { get }

    /// The server's log; entries carry the module's name.
    var log: ModuleLog { get }

    /// Adds spam checker callbacks after those of the modules before this one.
    ///
    /// Several calls add up. Only the initializer may register; later calls are reported in the log and have no effect.
    func register(_ spamChecker: SpamChecker)

    /// Adds third-party rules callbacks after those of the modules before this one.
    ///
    /// Several calls add up. Only the initializer may register; later calls are reported in the log and have no effect.
    func register(_ rules: ThirdPartyRules)

    /// Sends an event as a user of this server who is in the room.
    ///
    /// Spam checkers and third-party rules see it, rate limits do not hold it up, and it is authorized like any event of
    /// that user. A state event that changes nothing is not sent again: the answer is then the one already there.
    /// - Throws: `MatrixError` if the event is refused. Membership events are (500): they have a path of their own.
    func createAndSendEventIntoRoom(_ event: NewEvent) async throws -> Event

    /// The state of a room as it is now; empty if this server does not know the room.
    ///
    /// Nothing is read until asked for, and what is read later still belongs to the moment of the call.
    func roomState(_ roomID: RoomID) async throws -> StateMap
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
