package import MatrixCore
package import Storage

/// For whom events are written.
package struct EventViewer: Sendable {
    package let user: UserID
    package let account: Int64
    package let device: DeviceID?

    package init(_ requester: Requester) {
        user = requester.user
        account = requester.accountNumber
        device = requester.device
    }
}

/// The form in which a client wants its events.
package enum EventFormat: Sendable {
    case client
    /// Of each event only what the filter's `event_fields` name.
    case reduced(SyncFilter)
    /// As servers exchange them.
    case federation

    init(_ filter: SyncFilter) {
        self = filter.isFederationFormat ? .federation : filter.eventFields == nil ? .client : .reduced(filter)
    }
}

/// Writes events as clients see them.
///
/// Spec: Client-Server API, [Room event format](https://spec.matrix.org/v1.19/client-server-api/#room-event-format).
package struct ClientEventWriter {
    /// Whether events name their room; in `/sync` they stand below it already.
    package enum RoomField: Sendable { case included, leftOut }

    private let viewer: EventViewer
    private let now: Timestamp
    private let roomField: RoomField
    private let format: EventFormat
    /// Whether to mark where modules' fields go (``ModuleFields``).
    private let marksModuleFields: Bool
    /// Events that others name in `unsigned`: what they replaced, and what redacted them.
    private var related: [EventNumber: StoredEvent] = [:]

    /// The events' own JSON, where ``EventFormat/federation`` asks for it.
    private var pdus: [EventNumber: JSONObject] = [:]

    package init(
        viewer: EventViewer, now: Timestamp, room: RoomField, format: EventFormat = .client,
        marksModuleFields: Bool = false
    ) {
        self.marksModuleFields = marksModuleFields
        self.viewer = viewer
        self.now = now
        roomField = room
        self.format = format
    }

    /// Whether `event` can be written without ``prepare(_:from:)``.
    package static func standsAlone(_ event: StoredEvent) -> Bool {
        event.record.replaces == nil && event.record.redactedBy == nil
    }

    /// Loads what the events name in `unsigned`.
    package mutating func prepare(_ events: some Sequence<StoredEvent>, from stores: RoomStores) throws {
        let numbers = events.flatMap { [$0.record.replaces, $0.record.redactedBy] }.compactMap(\.self)
            .filter { related[$0] == nil }
        for event in try stores.events(numbers) { related[event.number] = event }
        guard case .federation = format else { return }
        for event in events where pdus[event.number] == nil {
            guard let parsed = try stores.parsedEvent(event.number) else { continue }
            pdus[event.number] = event.record.redactedBy == nil ? parsed.object : parsed.redacted().object
        }
    }

    /// Appends the event as a JSON object.
    /// - Parameter membership: The viewer's membership in the room at the event, where it is known.
    package func append(_ event: StoredEvent, membership: Membership?, to output: inout [UInt8]) {
        switch format {
        case .client: appendClientEvent(event, membership: membership, marks: marksModuleFields, to: &output)
        case .reduced(let filter):
            let reduced = filter.reduce(object(event, membership: membership))
            append(reduced, of: event, marks: marksModuleFields && filter.keepsUnsigned, to: &output)
        case .federation: append(pdus[event.number] ?? [:], of: event, marks: marksModuleFields, to: &output)
        }
    }

    private func append(_ object: JSONObject, of event: StoredEvent, marks: Bool, to output: inout [UInt8]) {
        guard marks else { return object.encode(into: &output) }
        var rest = object
        rest["unsigned"] = nil
        output.append(UInt8(ascii: "{"))
        for (key, value) in rest {
            output.appendJSONString(key)
            output.append(UInt8(ascii: ":"))
            value.encode(into: &output)
            output.append(UInt8(ascii: ","))
        }
        output.append(contentsOf: #""unsigned":{"#.utf8)
        let unsigned = object.object("unsigned") ?? [:]
        var separator = ListSeparator()
        for (key, value) in unsigned {
            separator.append(to: &output)
            output.appendJSONString(key)
            output.append(UInt8(ascii: ":"))
            value.encode(into: &output)
        }
        ModuleFields.appendMark(event.number, beside: .init(of: unsigned), to: &output)
        output.append(contentsOf: "}}".utf8)
    }

    /// - Parameters:
    ///   - marks: Whether to mark where modules' fields go.
    ///   - isNested: Whether it stands in another's `unsigned`. What redacted a redaction is not told there: a chain of them
    ///     would be written anew for each of its events.
    private func appendClientEvent(
        _ event: StoredEvent, membership: Membership?, marks: Bool, isNested: Bool = false, to output: inout [UInt8]
    ) {
        var keys: ModuleFields.ServerKeys = [.age]
        output.append(UInt8(ascii: "{"))
        output.append(contentsOf: event.clientFields)
        if roomField == .included {
            output.append(contentsOf: #","room_id":"#.utf8)
            output.appendJSONString(event.room.id.string)
        }
        output.append(contentsOf: #","unsigned":{"age":"#.utf8)
        output.appendDecimal(now.milliseconds - event.originServerTS.milliseconds)
        if let membership {
            keys.insert(.membership)
            output.append(contentsOf: #","membership":""#.utf8)
            output.append(contentsOf: membership.rawValue.utf8)
            output.append(UInt8(ascii: "\""))
        }
        if appendTransaction(of: event, to: &output) { keys.insert(.transaction) }
        if let replaced = event.record.replaces.flatMap({ related[$0] }) {
            keys.insert(.replaced)
            output.append(contentsOf: #","prev_content":"#.utf8)
            output.append(contentsOf: replaced.clientFields[replaced.contentRange])
            output.append(contentsOf: #","prev_sender":"#.utf8)
            output.appendJSONString(replaced.sender.string)
            output.append(contentsOf: #","replaces_state":"#.utf8)
            output.appendJSONString(replaced.eventID.string)
        }
        if !isNested, let redaction = event.record.redactedBy.flatMap({ related[$0] }) {
            keys.insert(.redaction)
            output.append(contentsOf: #","redacted_by":"#.utf8)
            output.appendJSONString(redaction.eventID.string)
            output.append(contentsOf: #","redacted_because":"#.utf8)
            appendClientEvent(redaction, membership: nil, marks: false, isNested: true, to: &output)
        }
        if marks { ModuleFields.appendMark(event.number, beside: keys, to: &output) }
        output.append(contentsOf: "}}".utf8)
    }

    /// The device that sent the event learns so by the transaction's ID.
    /// - Returns: Whether it did.
    private func appendTransaction(of event: StoredEvent, to output: inout [UInt8]) -> Bool {
        guard let sent = event.record.transaction, sent.account == viewer.account,
            sent.device == viewer.device ?? DeviceID("")
        else { return false }
        output.append(contentsOf: #","transaction_id":"#.utf8)
        output.appendJSONString(sent.id)
        return true
    }

    /// The event as a JSON object.
    package func object(_ event: StoredEvent, membership: Membership?) -> JSONObject {
        var output: [UInt8] = []
        appendClientEvent(event, membership: membership, marks: false, to: &output)
        return (try? JSONObject.parse(output)) ?? [:]
    }
}

/// Appends the members of lists, parted by commas.
package struct ListSeparator {
    private var isFirst = true
    package init() {}

    package mutating func append(to output: inout [UInt8]) {
        if !isFirst { output.append(UInt8(ascii: ",")) }
        isFirst = false
    }
}
