package interceptor

import (
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Services returns the services of these names, as the protos that are linked
// into the program describe them. It stands in for a gRPC server where there is
// none to list them: for [Server.Audit] and [Server.PolicyTable] behind
// [Server.HTTPHandler]. A name that is not linked is an error.
//
//	interceptor.Services(ordersv1connect.OrdersServiceName)
func Services(names ...string) (ServiceInfoProvider, error) {
	if len(names) == 0 {
		return nil, errors.New("interceptor: Services() names no service")
	}
	infos := make(serviceInfos, len(names))
	for _, name := range names {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return nil, fmt.Errorf("interceptor: Services(%q): not linked into this program: %w", name, err)
		}
		service, ok := found.(protoreflect.ServiceDescriptor)
		if !ok {
			return nil, fmt.Errorf("interceptor: Services(%q): not a service", name)
		}
		infos[name] = infoOf(service)
	}
	return infos, nil
}

// serviceInfos implements [ServiceInfoProvider].
type serviceInfos map[string]grpc.ServiceInfo

func (s serviceInfos) GetServiceInfo() map[string]grpc.ServiceInfo { return s }

// infoOf returns what a gRPC server would say of the service.
func infoOf(service protoreflect.ServiceDescriptor) grpc.ServiceInfo {
	info := grpc.ServiceInfo{Metadata: service.ParentFile().Path()}
	methods := service.Methods()
	for i := range methods.Len() {
		method := methods.Get(i)
		info.Methods = append(info.Methods, grpc.MethodInfo{
			Name:           string(method.Name()),
			IsClientStream: method.IsStreamingClient(),
			IsServerStream: method.IsStreamingServer(),
		})
	}
	return info
}
