package import MatrixCore

/// An event as it is kept and served: what storage knows of it, and the part of its JSON that clients see.
///
/// Made once per event and shared; a sync answer copies ``clientFields`` instead of encoding the event again.
package final class StoredEvent: Sendable {
    package let number: EventNumber
    package let room: RoomHandle
    package let eventID: EventID
    package let type: EventType
    package let sender: UserID
    /// The `state_key` of a state event.
    package let stateKey: String?
    package let originServerTS: Timestamp
    package let depth: Int64
    package let record: EventRecord
    /// `"content":…,"event_id":…,"origin_server_ts":…,"sender":…,"state_key":…,"type":…` without braces; a redacted
    /// event's content is what remains of it.
    package let clientFields: [UInt8]
    /// Where the content stands in ``clientFields``.
    package let contentRange: Range<Int>

    init(
        record: EventRecord, room: RoomHandle, type: EventType, sender: UserID, stateKey: String?,
        clientFields: [UInt8], contentRange: Range<Int>
    ) {
        number = record.number
        self.room = room
        eventID = record.eventID
        self.type = type
        self.sender = sender
        self.stateKey = stateKey
        originServerTS = record.originServerTS
        depth = record.depth
        self.record = record
        self.clientFields = clientFields
        self.contentRange = contentRange
    }

    /// The event's place in the event stream; `nil` for one that is in no timeline.
    package var stream: StreamPosition? { record.stream }
    package var state: StateKey? { stateKey.map { StateKey(type, $0) } }

    /// The content, parsed anew.
    package func content() -> JSONObject { (try? JSONObject.parse(clientFields[contentRange])) ?? [:] }

    /// What an `m.room.member` event says of its user.
    package var membership: Membership? {
        type == .member ? content().string("membership").flatMap(Membership.init(rawValue:)) : nil
    }

    /// Roughly how many bytes it takes in memory.
    var cost: Int { clientFields.count + 400 }
}

/// A row of `events`.
package struct EventRecord: Sendable {
    package var number: EventNumber
    package var room: RoomNumber
    package var eventID: EventID
    package var stream: StreamPosition?
    package var depth: Int64
    package var originServerTS: Timestamp
    package var stateKey: StateKeyNumber?
    /// The state before the event; `nil` for an outlier.
    package var stateBefore: StateRoot?
    /// The room's current state once the event was committed.
    package var roomState: StateRoot?
    /// The state event this one took the place of.
    package var replaces: EventNumber?
    package var flags: EventFlags
    package var redactedBy: EventNumber?
    package var transaction: EventTransaction?
}

package struct EventFlags: OptionSet, Hashable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    /// Known only as part of an auth chain or of fetched state: no place in the graph.
    package static let outlier = EventFlags(rawValue: 1)
    package static let rejected = EventFlags(rawValue: 2)
    package static let softFailed = EventFlags(rawValue: 4)
}

/// The request by which a device of ours sent an event. A device that repeats it gets the same event.
package struct EventTransaction: Hashable, Sendable {
    package let account: Int64
    /// Empty for a token without a device.
    package let device: DeviceID
    package let id: String

    package init(account: Int64, device: DeviceID, id: String) {
        self.account = account
        self.device = device
        self.id = id
    }

    package static func == (left: EventTransaction, right: EventTransaction) -> Bool {
        left.account == right.account && left.device == right.device && left.id.hasSameBytes(as: right.id)
    }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(account)
        hasher.combine(device)
        id.hashBytes(into: &hasher)
    }
}

/// What never changes about a room.
package final class RoomHandle: Sendable, Hashable {
    package let number: RoomNumber
    package let id: RoomID
    package let version: RoomVersion

    package init(number: RoomNumber, id: RoomID, version: RoomVersion) {
        self.number = number
        self.id = id
        self.version = version
    }

    package static func == (left: RoomHandle, right: RoomHandle) -> Bool { left.number == right.number }
    package func hash(into hasher: inout Hasher) { hasher.combine(number) }
}
