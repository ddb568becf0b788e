package import Homeserver

/// What an administrator may know of the modules and of what they run in.
package struct ModulesOverview: Sendable {
    package var modules: [ModuleOverview]
    /// The paths at which modules answer, by the modules' names, in the order they were registered.
    package var webPaths: [(module: String, path: String)]
    /// The process that Python modules run in; `nil` if there is none.
    package var python: PythonHostOverview?

    package init(
        modules: [ModuleOverview], webPaths: [(module: String, path: String)] = [], python: PythonHostOverview? = nil
    ) {
        self.modules = modules
        self.webPaths = webPaths
        self.python = python
    }
}

/// How the process that Python modules run in fares.
package struct PythonHostOverview: Hashable, Sendable {
    package enum State: String, Sendable {
        /// It answers.
        case running
        /// It is being started anew; callbacks wait for it.
        case restarting
        /// It ended and was not started again yet.
        case down
        /// It was told to stop with the server.
        case stopped
    }

    package var state: State
    /// `nil` if it does not run.
    package var processID: Int?
    /// How often it was started anew.
    package var restarts: Int
    /// How much memory it holds, as of the last time it said so.
    package var residentBytes: Int?
    /// Callbacks that are under way in it.
    package var pendingCalls: Int

    package init(
        state: State, processID: Int? = nil, restarts: Int = 0, residentBytes: Int? = nil, pendingCalls: Int = 0
    ) {
        self.state = state
        self.processID = processID
        self.restarts = restarts
        self.residentBytes = residentBytes
        self.pendingCalls = pendingCalls
    }
}
