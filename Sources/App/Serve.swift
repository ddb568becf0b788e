import ServerConfiguration

/// Runs the server until it is told to stop.
func serve(configuration: Configuration) async throws {
    throw ConfigurationError(ConfigurationFault(problem: "this build cannot serve yet"))
}
