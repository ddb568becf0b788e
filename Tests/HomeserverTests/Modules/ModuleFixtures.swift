import Homeserver
import Logging
import MatrixCore
import ModuleAPI
import ModuleTesting
import Synchronization

let alice = UserID(trusted: "@alice:test")
let bob = UserID(trusted: "@bob:test")
let room = RoomID(trusted: "!room:test")

/// What happened, in order.
final class Notes: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

/// Puts log entries into notes, as "level: message".
struct NotingLogHandler: LogHandler {
    let notes: Notes
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { notes.add("\(event.level): \(event.message)") }
}

/// A registry, what it logs, and what it measures.
struct RegistryUnderTest {
    let registry: ModuleRegistry
    let log = Notes()
    let timings: Mutexed<[CallbackTiming]>
    let logger: Logger

    init(timeout: Duration = .seconds(30)) {
        let log = log
        logger = Logger(label: "modules") { _ in NotingLogHandler(notes: log) }
        let timings = Mutexed<[CallbackTiming]>([])
        self.timings = timings
        registry = ModuleRegistry(
            runner: CallbackRunner(timeout: timeout, log: logger) { timing in timings.update { $0.append(timing) } },
            log: logger)
    }
}

/// A value that several tasks may change.
final class Mutexed<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>
    init(_ value: Value) { mutex = Mutex(value) }
    var value: Value { mutex.withLock { $0 } }
    func update(_ change: @Sendable (inout Value) -> Void) { mutex.withLock { change(&$0) } }
}

/// A gate that holds up whoever waits until it is opened.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

func event(
    type: EventType = .message, stateKey: String? = nil, content: JSONObject = ["body": "hi"],
    room: String? = "!room:test", further: JSONObject = [:]
) -> Event {
    var object: JSONObject = [
        "type": .string(type.string), "sender": "@alice:test", "content": .object(content),
    ]
    if let room { object["room_id"] = .string(room) }
    if let stateKey { object["state_key"] = .string(stateKey) }
    for (key, value) in further { object[key] = value }
    return Event(
        stored: object, eventID: EventID(trusted: "$event"), roomID: RoomID(trusted: room ?? "!room"), version: .v10)
}

func requester(admin: Bool = false) -> Requester {
    Requester(user: alice, device: "DEVICE", accountNumber: 1, isAdmin: admin)
}

extension TestServer {
    /// What a hosted module is offered of this server.
    var services: ModuleServices {
        ModuleServices(
            serverName: name, publicBaseURL: "https://test/", emailAppName: "Matrix", users: users, rooms: rooms,
            publicRooms: publicRooms, accountData: accountData, database: database, http: http, background: background)
    }
}

extension RegistryUnderTest {
    /// The context of a module in this registry.
    func context(
        _ module: String = "A", language: ModuleLanguage = .swift, server: TestServer = TestServer()
    ) -> HostedModuleContext {
        HostedModuleContext(
            module: module, language: language, services: server.services, registry: registry, log: logger)
    }
}

/// An error that no client should see.
struct Broken: Error {}
