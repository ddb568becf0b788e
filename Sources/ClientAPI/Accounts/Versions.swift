import MatrixCore
package import WebServer

/// The versions of the specification this server speaks.
///
/// Spec: Client-Server API, [API Versions](https://spec.matrix.org/v1.19/client-server-api/#api-versions).
package struct Versions: EndpointGroup {
    private let unstableFeatures: [(name: String, isOn: Bool)]

    /// - Parameter unstableFeatures: The features outside the specification whose state clients are told, beyond
    ///   ``standardFeatures``.
    package init(unstableFeatures: [(name: String, isOn: Bool)] = []) {
        self.unstableFeatures = Self.standardFeatures + unstableFeatures
    }

    package var endpoints: [Endpoint] {
        [.get("/_matrix/client/versions", .optional, getVersions).admittingExpiredAccounts]
    }

    /// Lists versions and unstable features.
    @Sendable func getVersions(_ call: Call) async throws -> Reply {
        var reply = Reply.json([
            "versions": .array(Self.versions.map { .string($0) }),
            "unstable_features": .object(JSONObject(unstableFeatures.map { ($0.name, .bool($0.isOn)) })),
        ])
        // The answer may differ for a user; without one it can be kept for a while.
        reply.headers.append(HeaderField("Vary", "Authorization"))
        reply.headers.append(
            HeaderField(
                "Cache-Control",
                call.requester == nil
                    ? "public, max-age=600, s-maxage=3600, stale-while-revalidate=600" : "private, max-age=600"))
        return reply
    }

    static let versions =
        ["r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1"] + (1...16).map { "v1.\($0)" }

    /// Features that became part of the specification, whose flags clients still look for.
    static let standardFeatures: [(name: String, isOn: Bool)] = [
        ("org.matrix.msc2432", true),
        ("org.matrix.msc3827.stable", true),
        ("uk.tcpip.msc4133.stable", true),
    ]
}
