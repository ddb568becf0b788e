import Logging
import MatrixCore
import ModuleAPI

/// Serves a Python module's web resource.
struct WebProxy: Sendable {
    let host: PythonModules
    let registration: Registration
}

extension PythonModules {
    /// Registers a web resource with the server.
    func register(_ proxy: WebProxy, at path: String, _ parameters: JSONObject, _ context: any ModuleContext) {
        log.warning("The web resource \(path) is not served yet")
    }
}
