"""The playground's gateway: a real Envoy, programmed from the Gateway API and, as Istio's fake, from VirtualServices.

Observes GatewayClasses, Gateways, HTTPRoutes, GRPCRoutes, VirtualServices, Services, EndpointSlices and Namespaces;
decides, purely, the whole Envoy configuration and what to say about each object; writes Envoy's files, waits until
Envoy runs them, then writes status.
"""
