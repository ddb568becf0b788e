import MatrixCore
import ModuleAPI
import Synchronization

/// A server that is not there: it notes what the module registers.
final class RecordingContext: ModuleContext {
    let serverName = ServerName(trusted: "example.org")
    let log = ModuleLog { _, _ in }
    private let registered = Mutex<[SpamChecker]>([])

    var spamCheckers: [SpamChecker] { registered.withLock { $0 } }

    func register(_ spamChecker: SpamChecker) { registered.withLock { $0.append(spamChecker) } }
    func register(_ rules: ThirdPartyRules) {}
    func roomState(_ roomID: RoomID) -> StateMap { StateMap() }
    func createAndSendEventIntoRoom(_ event: NewEvent) throws -> Event { throw MatrixError.internalError }
}
