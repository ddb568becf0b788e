package import MatrixCore
import Storage

/// The state that somebody outside a room is shown of it.
///
/// Spec: Client-Server API, [Stripped state](https://spec.matrix.org/v1.19/client-server-api/#stripped-state).
package enum StrippedState {
    /// What is shown unless the configuration says otherwise.
    package static let standardKeys: [StateKey] = [
        .create, .joinRules, StateKey(.canonicalAlias), StateKey(.avatar), StateKey(.encryption), StateKey(.name),
        StateKey(.topic),
    ]

    /// Appends an event without what only members may know: its ID, time and surroundings.
    static func append(_ event: StoredEvent, to output: inout [UInt8]) {
        output.append(contentsOf: #"{"content":"#.utf8)
        output.append(contentsOf: event.clientFields[event.contentRange])
        output.append(contentsOf: #","sender":"#.utf8)
        output.appendJSONString(event.sender.string)
        output.append(contentsOf: #","state_key":"#.utf8)
        output.appendJSONString(event.stateKey ?? "")
        output.append(contentsOf: #","type":"#.utf8)
        output.appendJSONString(event.type.string)
        output.append(UInt8(ascii: "}"))
    }
}
