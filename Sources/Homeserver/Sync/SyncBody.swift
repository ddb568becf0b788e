import MatrixCore
import Storage

extension [UInt8] {
    /// Appends account data as the `{"events": […]}` that stands under `account_data`.
    mutating func append(accountData entries: [AccountDataEntry]) {
        append(contentsOf: #"{"events":["#.utf8)
        var separator = ListSeparator()
        for entry in entries {
            separator.append(to: &self)
            append(contentsOf: #"{"content":"#.utf8)
            append(contentsOf: entry.content.utf8)
            append(contentsOf: #","type":"#.utf8)
            appendJSONString(entry.type)
            append(UInt8(ascii: "}"))
        }
        append(contentsOf: "]}".utf8)
    }
}

/// Writes the outer part of an answer to `/sync`.
struct SyncBody {
    enum Section: Int, CaseIterable {
        case join, invite, knock, leave

        var name: String {
            switch self {
            case .join: "join"
            case .invite: "invite"
            case .knock: "knock"
            case .leave: "leave"
            }
        }
    }

    private let token: StreamToken
    /// The account's own data.
    var accountData: [AccountDataEntry] = []
    private var sections: [[UInt8]] = Array(repeating: [], count: Section.allCases.count)

    init(token: StreamToken) { self.token = token }

    mutating func add(_ room: [UInt8], of id: RoomID, to section: Section) {
        let index = section.rawValue
        if !sections[index].isEmpty { sections[index].append(UInt8(ascii: ",")) }
        sections[index].appendJSONString(id.string)
        sections[index].append(UInt8(ascii: ":"))
        sections[index].append(contentsOf: room)
    }

    func finished() -> SyncAnswer {
        var output: [UInt8] = []
        output.reserveCapacity(sections.reduce(300) { $0 + $1.count })
        output.append(contentsOf: #"{"next_batch":"#.utf8)
        output.appendJSONString(token.string)
        // Clients take a count that is missing for "as before", and zero for "upload keys".
        output.append(
            contentsOf:
                #","device_one_time_keys_count":{"signed_curve25519":0},"device_unused_fallback_key_types":[]"#.utf8)
        output.append(contentsOf: #","org.matrix.msc2732.device_unused_fallback_key_types":[]"#.utf8)
        if !accountData.isEmpty {
            output.append(contentsOf: #","account_data":"#.utf8)
            output.append(accountData: accountData)
        }
        let hasRooms = sections.contains { !$0.isEmpty }
        if hasRooms {
            output.append(contentsOf: #","rooms":{"#.utf8)
            var separator = ListSeparator()
            for section in Section.allCases where !sections[section.rawValue].isEmpty {
                separator.append(to: &output)
                output.appendJSONString(section.name)
                output.append(contentsOf: ":{".utf8)
                output.append(contentsOf: sections[section.rawValue])
                output.append(UInt8(ascii: "}"))
            }
            output.append(UInt8(ascii: "}"))
        }
        output.append(UInt8(ascii: "}"))
        return SyncAnswer(body: output, hasNews: hasRooms || !accountData.isEmpty)
    }
}

/// Writes what `/sync` says of one room the user is or was in.
struct SyncRoomWriter {
    private var output: [UInt8] = Array("{".utf8)

    mutating func timeline(
        _ events: [StoredEvent], membership: (StoredEvent) throws -> Membership?, limited: Bool, previous: StreamToken,
        with writer: ClientEventWriter
    ) rethrows {
        output.append(contentsOf: #""timeline":{"events":["#.utf8)
        var separator = ListSeparator()
        for event in events {
            separator.append(to: &output)
            writer.append(event, membership: try membership(event), to: &output)
        }
        output.append(contentsOf: #"],"limited":"#.utf8)
        output.append(contentsOf: (limited ? "true" : "false").utf8)
        output.append(contentsOf: #","prev_batch":"#.utf8)
        output.appendJSONString(previous.string)
        output.append(UInt8(ascii: "}"))
    }

    /// - Parameter name: `state` or `state_after`.
    mutating func state(_ events: [StoredEvent], named name: String, with writer: ClientEventWriter) {
        output.append(contentsOf: #",""#.utf8)
        output.append(contentsOf: name.utf8)
        output.append(contentsOf: #"":{"events":["#.utf8)
        var separator = ListSeparator()
        for event in events {
            separator.append(to: &output)
            writer.append(event, membership: nil, to: &output)
        }
        output.append(contentsOf: "]}".utf8)
    }

    mutating func summary(heroes: [UserID], joined: Int, invited: Int) {
        let summary: JSONObject = [
            "m.heroes": .array(heroes.map { .string($0.string) }), "m.joined_member_count": .integer(Int64(joined)),
            "m.invited_member_count": .integer(Int64(invited)),
        ]
        output.append(contentsOf: #","summary":"#.utf8)
        summary.encode(into: &output)
    }

    mutating func accountData(_ entries: [AccountDataEntry]) {
        output.append(contentsOf: #","account_data":"#.utf8)
        output.append(accountData: entries)
    }

    func finishedJoined() -> [UInt8] {
        output
            + Array(
                #","ephemeral":{"events":[]},"unread_notifications":{"highlight_count":0,"notification_count":0}}"#.utf8
            )
    }

    func finishedLeft() -> [UInt8] { output + [UInt8(ascii: "}")] }
}
