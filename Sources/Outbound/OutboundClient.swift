import AsyncHTTPClient
import NIOCore

func placeholder() -> HTTPClient { HTTPClient.shared }
