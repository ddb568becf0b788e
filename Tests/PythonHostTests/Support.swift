import Foundation
import Logging
import MatrixCore
import ModuleAPI
import Testing

@testable import PythonHost

/// An event of a room of version 11.
func event(_ id: String, type: EventType = .message, stateKey: String? = nil, content: JSONObject = [:]) -> Event {
    var pdu: JSONObject = [
        "type": .string(type.string), "sender": "@a:b.example", "room_id": "!r:b.example", "depth": 3,
        "origin_server_ts": 1_700_000_000_000, "content": .object(content), "prev_events": [], "auth_events": [],
    ]
    if let stateKey { pdu["state_key"] = .string(stateKey) }
    return Event(
        stored: pdu, eventID: EventID(trusted: id), roomID: RoomID(trusted: "!r:b.example"), version: RoomVersion.v11)
}

/// A Python host that does what the tests say.
struct FakeHost {
    let host: PythonModules
    let context = FakeContext()

    /// - Parameter modules: What each module is configured with.
    init(
        callbackTimeout: Duration = .seconds(20), startTimeout: Duration = .seconds(20), memoryLimit: Int = 1 << 30,
        mirroredEntries: Int = 1_000_000
    ) {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Hosts/fake_host.py").path
        host = PythonModules(
            PythonSettings(
                interpreter: "python3", arguments: [script], server: ["server_name": "b.example"],
                callbackTimeout: callbackTimeout, startTimeout: startTimeout, memoryLimit: memoryLimit,
                mirroredEntries: mirroredEntries))
    }

    static func entry(_ item: Int, _ configuration: JSONObject, module: String = "fake.Module") -> PythonModuleEntry {
        PythonModuleEntry(
            item: item, path: ["modules", "<item \(item)>"], module: module, configuration: .object(configuration))
    }

    /// Starts the process with the modules, and hands both to `body`, supervised if that is wanted.
    func run(
        _ configurations: [JSONObject], isSupervised: Bool = true, _ body: (FakeHost) async throws -> Void
    ) async throws {
        let faults = try await host.configure(configurations.enumerated().map { Self.entry($0.offset, $0.element) })
        #expect(faults.isEmpty)
        do {
            for item in configurations.indices { _ = try await host.construct(item, context: context) }
            try await host.started()
            if isSupervised {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { [host] in try await host.run() }
                    defer { group.cancelAll() }
                    try await body(self)
                }
            } else {
                try await body(self)
            }
        } catch {
            await host.stop()
            throw error
        }
        await host.stop()
    }

    /// What the first module's `add_field_to_unsigned_callback` answers.
    func fields(_ id: String = "$e") async throws -> JSONObject {
        let callback = try #require(context.registered.unsigned.first?.addFieldToUnsigned)
        return try await callback(event(id))
    }

    /// What the first module's `check_event_allowed` answers about a state.
    func check(_ state: StateMap) async throws -> JSONObject {
        let callback = try #require(context.registered.rules.compactMap(\.checkEventAllowed).first)
        guard case .replace(let object) = try await callback(event("$e"), state) else { return [:] }
        return object
    }

    /// A module with one callback for each of the names, which does the same action for all.
    static func module(_ names: String..., do action: JSONObject) -> JSONObject {
        [
            "callbacks": .array(names.map { .string($0) }),
            "do": .object(JSONObject(names.map { ($0, .object(action)) })),
        ]
    }

    static let unsigned = "add_field_to_unsigned_callback"
}

/// Waits until something is so.
func eventually(within seconds: Int = 20, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "it did not come to be in time")
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// A path in the temporary directory at which nothing is.
func temporaryPath() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("axolemma-\(UUID().uuidString)").path
}
