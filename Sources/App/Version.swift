/// This program's version, as `--version` and the API tell it.
enum Version {
    static let current = "0.1.0"
    /// The version of Synapse whose module API Python modules find.
    static let synapse = "1.163.2"
}
