import MatrixCore
import Testing

struct RoomVersionTests {
    @Test func `versions 1 to 12 are supported and 12 is the standard`() {
        #expect(RoomVersion.supported.map(\.id) == (1...12).map(String.init))
        #expect(RoomVersion.standard.id == "12")
        #expect(RoomVersion("11") == .v11)
        for unknown in ["", "0", "13", "1 ", "01", "org.example"] { #expect(RoomVersion(unknown) == nil) }
    }

    @Test func `a create event without a version means version 1`() {
        #expect(RoomVersion(createContent: [:]) == .v1)
        #expect(RoomVersion(createContent: ["room_version": "9"]) == .v9)
        #expect(RoomVersion(createContent: ["room_version": "unknown"]) == nil)
        #expect(RoomVersion(createContent: ["room_version": 9]) == nil)
        #expect(RoomVersion(createContent: ["room_version": nil]) == nil)
    }

    /// The versions, by number, in which a flag holds.
    private func versions(where flag: (RoomVersion) -> Bool) -> ClosedRange<Int>? {
        let numbers = RoomVersion.supported.filter(flag).compactMap { Int($0.id) }
        guard let first = numbers.first, let last = numbers.last, numbers == Array(first...last) else { return nil }
        return first...last
    }

    @Test func `event formats by version`() {
        #expect(versions { $0.eventFormat.eventID == .chosen } == 1...2)
        #expect(versions { $0.eventFormat.eventID == .referenceHash } == 3...3)
        #expect(versions { $0.eventFormat.eventID == .urlSafeReferenceHash } == 4...12)
        #expect(versions { $0.eventFormat.referencesCarryHashes } == 1...2)
        #expect(versions { $0.eventFormat.numbers == .any } == 1...5)
        #expect(versions { $0.eventFormat.redactsIsInContent } == 11...12)
        #expect(versions { $0.eventFormat.roomIDIsCreateHash } == 12...12)
    }

    @Test func `state resolution by version`() {
        #expect(versions { $0.stateResolution == .v1 } == 1...1)
        #expect(versions { $0.stateResolution == .v2 } == 2...11)
        #expect(versions { $0.stateResolution == .v2_1 } == 12...12)
    }

    @Test func `authorization rules by version`() {
        #expect(versions { $0.authorization.restrictsRedactions } == 1...2)
        #expect(versions { $0.authorization.hasAliasesRule } == 1...5)
        #expect(versions { $0.authorization.limitsNotifications } == 6...12)
        #expect(versions { $0.authorization.hasKnocking } == 7...12)
        #expect(versions { $0.authorization.hasRestrictedJoins } == 8...12)
        #expect(versions { $0.authorization.hasKnockRestricted } == 10...12)
        #expect(versions { $0.authorization.requiresIntegerPowerLevels } == 10...12)
        #expect(versions { $0.authorization.creatorIsSender } == 11...12)
        #expect(versions { $0.authorization.creatorsHaveInfinitePower } == 12...12)
    }

    @Test func `signature rules by version`() {
        #expect(versions { $0.signatures.requiresEventIDServer } == 1...2)
        #expect(versions { $0.signatures.enforcesKeyValidity } == 5...12)
        #expect(versions { $0.signatures.requiresAuthorizingServer } == 8...12)
    }
}
