/// This program's version, as `--version` and the API tell it.
enum Version {
    static let current = "0.1.0"
}
