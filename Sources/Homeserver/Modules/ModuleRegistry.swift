package import Logging
package import ModuleAPI
import Synchronization

/// The callbacks that modules registered, in the order of the configuration file, and the rules for asking them.
///
/// Services take the registry when it is still empty; the modules, which need the services, fill it when they are made;
/// then it is frozen, before the first request. A question that no module registered for is answered without preparing
/// anything: ask ``has(_:)`` before gathering arguments that cost something.
///
/// The functions hold no lock while a module runs, and callers must not either: a module may come back with a request of
/// its own before it answers.
package final class ModuleRegistry: Sendable {
    /// A callback and the module it belongs to.
    struct Entry<Callback: Sendable>: Sendable {
        let module: String
        let callback: Callback
    }

    /// The callbacks of each name, in the order they are called.
    struct Callbacks: Sendable {
        var checkEventForSpam: [Entry<SpamChecker.CheckEventForSpam>] = []
        var userMayJoinRoom: [Entry<SpamChecker.UserMayJoinRoom>] = []
        var userMayInvite: [Entry<SpamChecker.UserMayInvite>] = []
        var userMayCreateRoom: [Entry<SpamChecker.UserMayCreateRoom>] = []
        var checkEventAllowed: [Entry<ThirdPartyRules.CheckEventAllowed>] = []
        var onCreateRoom: [Entry<ThirdPartyRules.OnCreateRoom>] = []
        var onNewEvent: [Entry<ThirdPartyRules.OnNewEvent>] = []
    }

    private struct State {
        var callbacks = Callbacks()
        /// Kept alive for the life of the server.
        var modules: [any Module] = []
        var isFrozen = false
    }

    let runner: CallbackRunner
    private let log: Logger
    private let state = Mutex(State())
    /// The bits of the callbacks that have entries, so that asking costs one load.
    private let present = Atomic<UInt64>(0)

    package init(runner: CallbackRunner, log: Logger) {
        self.runner = runner
        self.log = log
    }

    /// Whether any module registered this callback.
    package func has(_ callback: ModuleCallback) -> Bool {
        present.load(ordering: .acquiring) & callback.bit != 0
    }

    /// Whether events must be drafted ahead of the commit, for modules to see.
    package var needsDraft: Bool {
        let wanted = ModuleCallback.checkEventForSpam.bit | ModuleCallback.checkEventAllowed.bit
        return present.load(ordering: .acquiring) & wanted != 0
    }

    package var hasOnNewEvent: Bool { has(.onNewEvent) }

    /// The entries of one callback.
    func entries<Callback>(_ list: (Callbacks) -> [Entry<Callback>]) -> [Entry<Callback>] {
        state.withLock { list($0.callbacks) }
    }

    // MARK: Registering

    /// Appends a module's spam checker callbacks. Reported in the log and ignored once the registry is frozen.
    package func register(_ checker: SpamChecker, of module: String) {
        change(of: module) { callbacks in
            Self.append(checker.checkEventForSpam, of: module, to: &callbacks.checkEventForSpam)
            Self.append(checker.userMayJoinRoom, of: module, to: &callbacks.userMayJoinRoom)
            Self.append(checker.userMayInvite, of: module, to: &callbacks.userMayInvite)
            Self.append(checker.userMayCreateRoom, of: module, to: &callbacks.userMayCreateRoom)
        }
    }

    /// Appends a module's third-party rules callbacks. Reported in the log and ignored once the registry is frozen.
    package func register(_ rules: ThirdPartyRules, of module: String) {
        change(of: module) { callbacks in
            Self.append(rules.checkEventAllowed, of: module, to: &callbacks.checkEventAllowed)
            Self.append(rules.onCreateRoom, of: module, to: &callbacks.onCreateRoom)
            Self.append(rules.onNewEvent, of: module, to: &callbacks.onNewEvent)
        }
    }

    /// Keeps `module` alive.
    func keep(_ module: any Module) { state.withLock { $0.modules.append(module) } }

    /// Ends registration. Called once all modules are made, before the first request.
    package func freeze() { state.withLock { $0.isFrozen = true } }

    private func change(of module: String, _ append: (inout Callbacks) -> Void) {
        let isFrozen = state.withLock { state in
            guard !state.isFrozen else { return true }
            append(&state.callbacks)
            present.store(state.callbacks.bits, ordering: .releasing)
            return false
        }
        if isFrozen {
            log.error("Module \(module) registered callbacks outside its initializer; they will not be called")
        }
    }

    private static func append<Callback>(
        _ callback: Callback?, of module: String, to list: inout [Entry<Callback>]
    ) {
        if let callback { list.append(Entry(module: module, callback: callback)) }
    }
}

extension ModuleRegistry.Callbacks {
    fileprivate var bits: UInt64 {
        ModuleCallback.allCases.reduce(0) { bits, callback in
            let isPresent =
                switch callback {
                case .checkEventForSpam: !checkEventForSpam.isEmpty
                case .userMayJoinRoom: !userMayJoinRoom.isEmpty
                case .userMayInvite: !userMayInvite.isEmpty
                case .userMayCreateRoom: !userMayCreateRoom.isEmpty
                case .checkEventAllowed: !checkEventAllowed.isEmpty
                case .onCreateRoom: !onCreateRoom.isEmpty
                case .onNewEvent: !onNewEvent.isEmpty
                }
            return isPresent ? bits | callback.bit : bits
        }
    }
}
