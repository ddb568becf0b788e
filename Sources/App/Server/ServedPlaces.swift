import WebServer

// `ServerConfiguration` has types of these names too; a file that imports both needs them told apart.
typealias HTTPListener = Listener
typealias HTTPResource = Resource
