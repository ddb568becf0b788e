import MatrixCore

/// The body of a request as it arrives: pieces of a size that the client and the network chose.
///
/// It can be gone through once. Reading from the client stops while the handler lags. The loop throws if the body grows
/// beyond the endpoint's limit (413 `M_TOO_LARGE`) or the client hangs up (``ClientHungUp``).
package struct RequestBody: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    package typealias Failure = any Error

    private enum Source: Sendable {
        case bytes([UInt8])
        case pipe(BodyPipe)
    }

    private let source: Source

    /// A body that is there already.
    init(_ bytes: [UInt8]) { source = .bytes(bytes) }

    init(_ pipe: BodyPipe) { source = .pipe(pipe) }

    package func makeAsyncIterator() -> Iterator {
        switch source {
        case .bytes(let bytes): Iterator(bytes: bytes.isEmpty ? nil : bytes, pipe: nil)
        case .pipe(let pipe): Iterator(bytes: nil, pipe: pipe)
        }
    }

    /// The whole body.
    /// - Throws: 413 `M_TOO_LARGE` if it has more bytes than `limit`.
    package func collect(upTo limit: Int) async throws -> [UInt8] {
        var whole: [UInt8] = []
        for try await piece in self {
            guard whole.count + piece.count <= limit else { throw Self.tooLarge }
            if whole.isEmpty { whole = piece } else { whole += piece }
        }
        return whole
    }

    static let tooLarge = MatrixError(status: 413, code: .tooLarge, message: "Request content is too large")

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate var bytes: [UInt8]?
        fileprivate let pipe: BodyPipe?

        package mutating func next() async throws -> [UInt8]? {
            if let pipe { return try await pipe.next() }
            defer { bytes = nil }
            return bytes
        }
    }
}

/// The client closed the connection before it had sent its request, or read its answer.
package struct ClientHungUp: Error {}
