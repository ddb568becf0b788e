import ModuleAPI
import Outbound

/// Requests of modules to other servers. No address is kept from them.
struct ModuleHTTPClient: HTTPClient {
    let client: OutboundClient

    init(_ client: OutboundClient) { self.client = client }

    func send(_ request: ModuleAPI.HTTPRequest) async throws -> HTTPResponse {
        let outbound = OutboundRequest(
            method: request.method, url: request.url, headers: request.headers.fields.map { ($0.name, $0.value) },
            body: request.body, responseLimit: request.responseLimit)
        do throws(OutboundError) {
            let response = try await client.send(outbound)
            return HTTPResponse(
                status: response.status, headers: HTTPHeaders(response.headers.map { .init($0.name, $0.value) }),
                body: response.body, url: response.url)
        } catch {
            throw Self.translate(error)
        }
    }

    private static func translate(_ error: OutboundError) -> any Error {
        switch error {
        case .invalidURL(let url): HTTPClientError.invalidURL(url)
        case .timedOut: HTTPClientError.timedOut
        case .tooLarge: HTTPClientError.tooLarge
        case .tooManyRedirects: HTTPClientError.tooManyRedirects
        case .blockedAddress(let address): HTTPClientError.blockedAddress(address)
        case .failed(let reason): HTTPClientError.failed(reason)
        case .cancelled: CancellationError()
        }
    }
}
