import Glibc
package import Homeserver
import MatrixCore
package import WebServer

/// Renewing an account that expires, where a module does that.
///
/// Not in the specification: Synapse's `account_validity`, whose endpoints modules may take over.
package struct AccountValidity: EndpointGroup {
    private let renewal: AccountRenewalService

    package init(renewal: AccountRenewalService) { self.renewal = renewal }

    private static let aliases = ["r0", "unstable"]

    package var endpoints: [Endpoint] {
        [
            .post(
                "/_matrix/client/v3/account_validity/send_mail", .user(guests: false), aliases: Self.aliases,
                sendRenewalMail
            ).admittingExpiredAccounts,
            .get("/_matrix/client/v3/account_validity/renew", .anyone, aliases: Self.aliases, renewAccount),
        ]
    }

    /// Sends the user the mail by which they renew their account.
    @Sendable func sendRenewalMail(_ call: Call) async throws -> Reply {
        try await renewal.sendMail(to: call.user().user)
        return .json([:])
    }

    /// Renews the account that a token from such a mail stands for, and tells whoever opened it in a page.
    @Sendable func renewAccount(_ call: Call) async throws -> Reply {
        guard let token = call.query("token") else {
            throw MatrixError.missingParam("Missing string query parameter 'token'")
        }
        switch try await renewal.renew(token: token) {
        case .renewed(let expiry):
            return Self.page("Your account has been renewed and is valid until \(Self.day(expiry)).")
        case .stale(let expiry): return Self.page("Your account is valid until \(Self.day(expiry)).")
        case .unknownToken: return Self.page("Invalid renewal token.", status: 404)
        }
    }

    /// - Parameter text: What the page says, without characters that mean something in HTML.
    private static func page(_ text: String, status: Int = 200) -> Reply {
        .html(
            """
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><title>\(text)</title></head>
            <body><p>\(text)</p></body>
            </html>

            """, status: status)
    }

    /// The day of a time, in UTC: `2026-11-21`.
    private static func day(_ time: Timestamp) -> String {
        var seconds = time_t(time.milliseconds / 1000)
        var date = tm()
        gmtime_r(&seconds, &date)
        let two = { (number: Int32) in number < 10 ? "0\(number)" : "\(number)" }
        return "\(Int(date.tm_year) + 1900)-\(two(date.tm_mon + 1))-\(two(date.tm_mday))"
    }
}
