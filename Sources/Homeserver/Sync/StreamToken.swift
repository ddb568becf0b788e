/// A client's place in everything `/sync` delivers: one position per stream.
///
/// On the wire `s` and the positions in a fixed order, parted by underscores. A token with fewer stands at the start of
/// the streams it does not name, so streams can be added.
package struct StreamToken: Hashable, Sendable {
    /// The stream of events, in all rooms.
    package var events: Int64
    package var accountData: Int64
    package var receipts: Int64
    package var typing: Int64
    package var presence: Int64
    package var toDevice: Int64
    package var deviceLists: Int64

    package init(
        events: Int64, accountData: Int64 = 0, receipts: Int64 = 0, typing: Int64 = 0, presence: Int64 = 0,
        toDevice: Int64 = 0, deviceLists: Int64 = 0
    ) {
        self.events = events
        self.accountData = accountData
        self.receipts = receipts
        self.typing = typing
        self.presence = presence
        self.toDevice = toDevice
        self.deviceLists = deviceLists
    }

    /// Reads a token; `nil` if it is none of ours.
    package init?(_ string: String) {
        guard string.utf8.first == UInt8(ascii: "s"), string.utf8.count <= 200 else { return nil }
        var positions: [Int64] = []
        for part in string.dropFirst().split(separator: "_", omittingEmptySubsequences: false) {
            guard let position = Int64(part), position >= 0 else { return nil }
            positions.append(position)
        }
        guard let events = positions.first, positions.count <= 7 else { return nil }
        positions += [Int64](repeating: 0, count: 7 - positions.count)
        self.init(
            events: events, accountData: positions[1], receipts: positions[2], typing: positions[3],
            presence: positions[4], toDevice: positions[5], deviceLists: positions[6])
    }

    package var string: String {
        "s\(events)_\(accountData)_\(receipts)_\(typing)_\(presence)_\(toDevice)_\(deviceLists)"
    }
}
