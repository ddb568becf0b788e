import Logging

/// The line the log gets for each request.
enum AccessLine {
    static func text(
        client: String, listener: String, user: String?, head: RequestHead, status: Int?, bytes: Int, seconds: Double
    ) -> Logger.Message {
        let milliseconds = Int((seconds * 1_000).rounded())
        let fraction = milliseconds % 1_000
        let padding = fraction < 10 ? "00" : fraction < 100 ? "0" : ""
        let time = "\(milliseconds / 1_000).\(padding)\(fraction)sec"
        // A client that hung up got nothing, which the log marks as Synapse's does.
        let outcome = status.map { "\(bytes)B \($0)" } ?? "0B (hung up)"
        let request = "\(head.methodName) \(head.redactedURI) HTTP/1.\(head.isHTTP10 ? 0 : 1)"
        return """
            \(clean(client)) - \(listener) - {\(user ?? "None")} \(time) \(outcome) \
            "\(clean(request))" "\(clean(head.userAgent ?? "-"))"
            """
    }

    /// Text a client chose, unable to look like another line or field.
    private static func clean(_ text: String) -> String {
        let isUnfit: (UInt8) -> Bool = { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\"") }
        guard text.utf8.contains(where: isUnfit) else { return text }
        return String(decoding: text.utf8.filter { !isUnfit($0) }, as: UTF8.self)
    }
}
