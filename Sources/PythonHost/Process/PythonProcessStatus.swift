/// How the process that Python modules run in fares.
package struct PythonProcessStatus: Hashable, Sendable {
    package enum State: String, Sendable {
        /// It answers.
        case running
        /// Modules are being made anew in it.
        case restarting
        /// There is none at the moment.
        case down
        /// There will be none.
        case stopped
    }

    package var state: State
    package var processID: Int?
    /// How often it was started anew.
    package var restarts: Int
    /// How many bytes of memory it last said it holds.
    package var residentBytes: Int?
    /// How many calls it has not answered yet.
    package var pendingCalls = 0

    init(state: State, restarts: Int) {
        self.state = state
        self.restarts = restarts
    }
}
