/// A fault of the data itself, not of a request.
package enum StorageError: Error, Sendable {
    /// The database holds something that it never should; the text says what.
    case damaged(String)
}
