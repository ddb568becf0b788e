import MatrixCore

/// Reads the access token of a request.
///
/// Spec: [Using access tokens](https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens).
enum AccessToken {
    /// The token in `Authorization: Bearer …`, or failing that in the query; `nil` if there is neither.
    /// - Throws: 401 `M_MISSING_TOKEN` if there are several, or the header is of another form.
    static func read(_ head: RequestHead, _ query: Query) throws(MatrixError) -> String? {
        guard let authorization = head.authorization else {
            return query.text.isEmpty ? nil : query.values(of: "access_token").first { !$0.isEmpty }
        }
        if !query.text.isEmpty, query.contains("access_token") {
            throw missing("Mixing Authorization headers and access_token query parameters.")
        }
        guard head.authorizationCount == 1 else { throw missing("Too many Authorization headers.") }
        let bytes = authorization.utf8
        guard bytes.starts(with: "Bearer ".utf8) else { throw missing("Invalid Authorization header.") }
        let token = bytes.dropFirst("Bearer ".utf8.count)
        guard !token.isEmpty, !token.contains(UInt8(ascii: " ")) else {
            throw missing("Invalid Authorization header.")
        }
        return String(Substring(token))
    }

    static func missing(_ message: String = "Missing access token") -> MatrixError {
        MatrixError(status: 401, code: .missingToken, message: message)
    }
}
