import Foundation
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A process beside the server, connected to it by a socket.
///
/// It leads a process group of its own, inherits nothing but that socket, and what it prints goes line by line to whoever
/// started it.
final class HostProcess: Sendable {
    /// What to start.
    struct Command: Sendable {
        /// A path, or a name that is looked for in `PATH`.
        var program: String
        var arguments: [String]
        var environment: [String: String]
    }

    enum Stream: Sendable {
        case output
        case error
    }

    /// How a process ended.
    enum Exit: Hashable, Sendable, CustomStringConvertible {
        case code(Int32)
        case signal(Int32)

        var description: String {
            switch self {
            case .code(let code): "it exited with code \(code)"
            case .signal(let number): "it was ended by signal \(number)"
            }
        }
    }

    private struct State {
        var exit: Exit?
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    let identifier: pid_t
    private let state = Mutex(State())

    /// Starts the process. Its end of the socket is descriptor 3.
    /// - Parameter print: Called on a thread of its own with each line.
    init(
        _ command: Command, socket: Socket, print: @escaping @Sendable (Stream, String) -> Void
    ) throws(SystemError) {
        let (outputEnd, output) = try Self.pipe()
        let (errorEnd, errors) = try Self.pipe()
        identifier = try Self.spawn(command, [output, errors, socket])
        startThread(named: "python-exit") { self.awaitExit() }
        startThread(named: "python-print") { self.read(outputEnd, errorEnd, print) }
    }

    /// How the process ended; `nil` while it runs.
    var exit: Exit? { state.withLock { $0.exit } }

    /// Waits for the end of the process, or of the caller's patience.
    func ended() async -> Exit? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let hasEnded = state.withLock { state in
                    if state.exit == nil { state.waiting.append(continuation) }
                    return state.exit != nil
                }
                if hasEnded { continuation.resume() } else if Task.isCancelled { wakeWaiting() }
            }
        } onCancel: {
            wakeWaiting()
        }
        return exit
    }

    private func wakeWaiting() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Sends a signal to the process and all it has started. Nothing happens if it has ended.
    func signal(_ number: Int32) {
        // While the state is locked and has no exit the number belongs to the process: it is not waited for yet.
        state.withLock { if $0.exit == nil { kill(-identifier, number) } }
    }

    private func awaitExit() {
        var information = siginfo_t()
        while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        state.withLock { state in
            // What it left behind goes with it; in this order, for the number may be another's once it is waited for.
            kill(-identifier, SIGKILL)
            var status: Int32 = 0
            waitpid(identifier, &status, 0)
            let signal = status & 0x7F
            state.exit = signal == 0 ? .code(status >> 8 & 0xFF) : .signal(signal)
        }
        wakeWaiting()
    }

    // MARK: Output

    private func read(_ output: Socket, _ errors: Socket, _ print: (Stream, String) -> Void) {
        var sources: [(pipe: Socket, stream: Stream, lines: OutputLines)] = [
            (output, .output, OutputLines()), (errors, .error, OutputLines()),
        ]
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
        defer { buffer.deallocate() }
        while !sources.isEmpty {
            var polled = sources.map { pollfd(fd: $0.pipe.descriptor, events: Int16(POLLIN), revents: 0) }
            let ready = poll(&polled, nfds_t(polled.count), 1_000)
            if ready < 0, errno != EINTR { break }
            // Something the process started may hold the pipes open for ever.
            if ready == 0, exit != nil { break }
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            for place in sources.indices.reversed() where polled[place].revents != 0 {
                let count = Foundation.read(sources[place].pipe.descriptor, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                let stream = sources[place].stream
                guard count > 0 else {
                    for line in sources[place].lines.finish() { print(stream, line) }
                    sources.remove(at: place)
                    continue
                }
                let lines = sources[place].lines.push(buffer[..<count], second: Int64(now.tv_sec))
                for line in lines { print(stream, line) }
            }
        }
        for place in sources.indices {
            for line in sources[place].lines.finish() { print(sources[place].stream, line) }
        }
    }

    // MARK: Starting

    private static func pipe() throws(SystemError) -> (reading: Socket, writing: Socket) {
        var ends: [Int32] = [-1, -1]
        guard Foundation.pipe(&ends) == 0 else { throw SystemError("pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (Socket(ends[0]), Socket(ends[1]))
    }

    /// - Parameter descriptors: What the process gets as descriptors 1, 2 and 3.
    private static func spawn(_ command: Command, _ descriptors: [Socket]) throws(SystemError) -> pid_t {
        // Out of the way of the numbers they are to have.
        var copies: [Int32] = []
        defer { for copy in copies { close(copy) } }
        for descriptor in descriptors {
            let copy = fcntl(descriptor.descriptor, F_DUPFD_CLOEXEC, 10)
            guard copy >= 0 else { throw SystemError("fcntl") }
            copies.append(copy)
        }
        #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        #else
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (place, copy) in copies.enumerated() { posix_spawn_file_actions_adddup2(&actions, copy, Int32(place + 1)) }

        var flags = Int32(POSIX_SPAWN_SETPGROUP) | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
        #if canImport(Darwin)
        flags |= POSIX_SPAWN_CLOEXEC_DEFAULT
        #else
        closeFrom(Int32(copies.count + 1), &actions)
        #endif
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for number in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var process: pid_t = 0
        let code = withCStrings([command.program] + command.arguments) { arguments in
            withCStrings(command.environment.map { "\($0.key)=\($0.value)" }) { environment in
                posix_spawnp(&process, command.program, &actions, &attributes, arguments, environment)
            }
        }
        guard code == 0 else { throw SystemError(command.program, code: code) }
        return process
    }

    #if !canImport(Darwin)
    private typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

    /// Has the process close what it inherits from `first` on: also what somebody opened without saying otherwise.
    private static func closeFrom(_ first: Int32, _ actions: inout posix_spawn_file_actions_t) {
        // A GNU extension, which Swift does not see; glibc has it since 2.34, and others may lack it.
        guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else { return }
        _ = unsafeBitCast(symbol, to: AddCloseFrom.self)(&actions, first)
    }
    #endif

    /// Calls `body` with the strings as C has lists of them.
    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return copies.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("the list ends in nil, so it is not empty") }
            return body(base)
        }
    }
}
