package import Logging
package import ModuleAPI
import Synchronization

/// The callbacks that modules registered, in the order of the configuration file, and the rules for asking them.
///
/// Services take the registry when it is still empty; the modules, which need the services, fill it when they are made,
/// and may go on to do so later. A question that no module registered for is answered without preparing anything: ask
/// ``has(_:)`` before gathering arguments that cost something.
///
/// The functions hold no lock while a module runs, and callers must not either: a module may come back with a request of
/// its own before it answers.
package final class ModuleRegistry: Sendable {
    /// A callback and the module it belongs to.
    struct Entry<Callback: Sendable>: Sendable {
        let target: CallbackRunner.Target
        let callback: Callback
        var module: String { target.module }
    }

    struct State {
        var callbacks = ModuleCallbacks()
        /// The bits of the callbacks that have entries.
        var bits: UInt64 = 0
        /// What was counted of each module, by name, and the names in the order they came.
        var records: [String: ModuleRecord] = [:]
        var names: [String] = []
        /// Kept alive for the life of the server.
        var modules: [any Module] = []
        var web: [ModuleWebResource] = []
        var isWebClosed = false
        /// Who waits for a callback to be registered.
        var waiting: [(callback: ModuleCallback, continuation: AsyncStream<Void>.Continuation)] = []
    }

    /// What is known of a module.
    struct ModuleRecord {
        var language: ModuleLanguage
        var meters: [ModuleCallback: CallbackMeter] = [:]
    }

    let runner: CallbackRunner
    let log: Logger
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

    /// Returns once some module has registered this callback, or the task is cancelled.
    package func whenRegistered(_ callback: ModuleCallback) async {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let isThere = state.withLock { state in
            if state.bits & callback.bit != 0 { return true }
            state.waiting.append((callback, continuation))
            return false
        }
        if isThere { return }
        for await _ in stream {}
    }

    /// The entries of one callback; none if no module registered it.
    func entries<Callback>(
        _ callback: ModuleCallback, _ list: (ModuleCallbacks) -> [Entry<Callback>]
    ) -> [Entry<Callback>] {
        has(callback) ? state.withLock { list($0.callbacks) } : []
    }

    /// Notes that there is a module, whether it registers anything or not.
    package func add(module: String, language: ModuleLanguage) {
        state.withLock { $0.add(module: module, language: language) }
    }

    /// Keeps `module` alive.
    func keep(_ module: any Module) { state.withLock { $0.modules.append(module) } }

    /// The web resources of the modules, no two of one path.
    package var webResources: [ModuleWebResource] { state.withLock { $0.web } }

    /// Ends the registration of web resources: the paths that listeners serve do not change. Callbacks still register.
    package func closeWebResources() { state.withLock { $0.isWebClosed = true } }

    /// Every module and what became of its callbacks, in the order the modules came.
    package func overview() -> [ModuleOverview] {
        let (names, records) = state.withLock { ($0.names, $0.records) }
        return names.compactMap { name in
            records[name].map { record in
                ModuleOverview(
                    name: name, language: record.language,
                    callbacks: record.meters.sorted { $0.key.rawValue < $1.key.rawValue }
                        .map { $0.value.overview(of: $0.key) })
            }
        }
    }

    /// Changes what is registered, all at once or, if `body` throws, not at all.
    func register<Failure: Error>(
        _ module: String, _ body: (inout ModuleRegistration) throws(Failure) -> Void
    ) throws(Failure) {
        let told = try state.withLock { state throws(Failure) in
            var registration = ModuleRegistration(module: module, state: state)
            try body(&registration)
            state = registration.state
            present.store(state.bits, ordering: .releasing)
            let bits = state.bits
            let told = state.waiting.filter { $0.callback.bit & bits != 0 }
            state.waiting.removeAll { $0.callback.bit & bits != 0 }
            return told.map(\.continuation)
        }
        for continuation in told { continuation.finish() }
    }
}

/// A place where a module answers.
package struct ModuleWebResource: Sendable {
    package let module: String
    package let resource: WebResource
}

extension ModuleRegistry.State {
    mutating func add(module: String, language: ModuleLanguage) {
        guard records[module] == nil else { return }
        records[module] = ModuleRegistry.ModuleRecord(language: language)
        names.append(module)
    }
}
