import MatrixCore
import ModuleAPI

// Values as calls.jsonl has them: as the puppet in Python writes them, where both have them.

extension JSON {
    static func event(_ event: Event) -> JSON {
        var object = event.object
        object["event_id"] = .string(event.eventID.string)
        return .object(object)
    }

    static func map(_ state: StateMap) async throws -> JSON { map(try await state.all()) }

    static func map(_ state: [StateKey: Event]) -> JSON {
        let entries = state.sorted { $0.key < $1.key }
        return [
            "map": .array(entries.map { [[.string($0.key.type.string), .string($0.key.key)], .event($0.value)] })
        ]
    }

    static func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
    static func id(_ value: (some ByteComparable)?) -> JSON { text(value?.string) }
    static func time(_ value: Timestamp?) -> JSON { value.map { .integer($0.milliseconds) } ?? .null }

    static func profile(_ profile: UserProfile) -> JSON {
        ["display_name": .text(profile.displayName), "avatar_url": .text(profile.avatarURL)]
    }

    static func threepid(_ threepid: ThreepidAddress) -> JSON {
        ["medium": .string(threepid.medium), "address": .string(threepid.address)]
    }

    static func origins(_ origins: [RequestOrigin]) -> JSON {
        .array(origins.map { [.text($0.userAgent), .string($0.address)] })
    }

    static func presence(_ state: UserPresenceState) -> JSON {
        ["user_id": .id(state.user), "state": .id(state.state), "status_msg": .text(state.statusMessage)]
    }
}

extension JSONObject {
    /// A member that has to be there.
    func need(_ key: String) throws -> String {
        guard let value = string(key) else { throw Failure("no string '\(key)'") }
        return value
    }

    func user(_ key: String = "user") throws -> UserID { UserID(trusted: try need(key)) }
    func room(_ key: String = "room") throws -> RoomID { RoomID(trusted: try need(key)) }
}
