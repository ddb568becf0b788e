public import MatrixCore
public import ModuleAPI
import Synchronization

/// A server that is not there, for testing a module: it keeps users, rooms and the like in memory and shows what a module
/// did to them.
///
/// It asks for no permissions and enforces no limits: what a module may do is the real server's to say.
public final class TestServer: Sendable {
    public let name: ServerName
    public let users: TestUsers
    public let rooms: TestRooms
    public let publicRooms: TestPublicRooms
    public let accountData: TestAccountData
    public let database: TestDatabase
    public let http: TestHTTP
    public let background: TestBackground
    private let entries = Mutex<[LogEntry]>([])

    /// What a module wrote to the log.
    public struct LogEntry: Hashable, Sendable, CustomStringConvertible {
        public var level: ModuleLog.Level
        public var message: String

        public init(_ level: ModuleLog.Level, _ message: String) {
            self.level = level
            self.message = message
        }

        public var description: String { "\(level): \(message)" }
    }

    public init(name: ServerName = ServerName(trusted: "test")) {
        self.name = name
        users = TestUsers(serverName: name)
        rooms = TestRooms(serverName: name)
        publicRooms = TestPublicRooms()
        accountData = TestAccountData(serverName: name)
        database = TestDatabase()
        http = TestHTTP()
        background = TestBackground()
        background.onError { [weak self] name, error in
            self?.note(.error, "Background call '\(name)' failed: \(error)")
        }
    }

    /// What was logged, in order.
    public var log: [LogEntry] { entries.withLock { $0 } }

    func note(_ level: ModuleLog.Level, _ message: String) {
        entries.withLock { $0.append(LogEntry(level, message)) }
    }
}

/// Why a test cannot go on.
public enum TestError: Error, Hashable, Sendable {
    /// The module registered no such callback.
    case notRegistered(String)
    /// The test did not say what to answer.
    case unanswered(String)
}
