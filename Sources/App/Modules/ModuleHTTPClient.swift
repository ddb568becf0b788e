import ModuleAPI
import Outbound

/// Modules' requests to other servers.
struct ModuleHTTPClient: HTTPClient {
    let client: OutboundClient

    func send(_ request: ModuleAPI.HTTPRequest) async throws -> HTTPResponse {
        do throws(OutboundError) {
            let response = try await client.send(
                OutboundRequest(
                    method: request.method, url: request.url,
                    headers: request.headers.fields.map { (name: $0.name, value: $0.value) }, body: request.body,
                    responseLimit: request.responseLimit))
            return ModuleAPI.HTTPResponse(
                status: response.status,
                headers: HTTPHeaders(response.headers.map { HTTPHeaders.Field($0.name, $0.value) }),
                body: response.body, url: response.url)
        } catch {
            switch error {
            case .invalidURL(let url): throw ModuleAPI.HTTPClientError.invalidURL(url)
            case .timedOut: throw ModuleAPI.HTTPClientError.timedOut
            case .tooLarge: throw ModuleAPI.HTTPClientError.tooLarge
            case .tooManyRedirects: throw ModuleAPI.HTTPClientError.tooManyRedirects
            case .blockedAddress(let address): throw ModuleAPI.HTTPClientError.blockedAddress(address)
            case .cancelled: throw CancellationError()
            case .failed(let reason): throw ModuleAPI.HTTPClientError.failed(reason)
            }
        }
    }
}
