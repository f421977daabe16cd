package cluster

import "foobar/src/logging"

// The events, as those of package logging.
const (
	eventUnavailable logging.Event = "a7f9f70adf374c5099157f4c250eb77c"
	eventAvailable   logging.Event = "e81fdcd732c44c22bfe0f93cab8c2b9e"
	eventRewound     logging.Event = "0f11c9fab9604e60b1d9504e364f6d00"
	eventDenied      logging.Event = "d547afad44bb40298b104fe0ef791785"
	eventCertificate logging.Event = "4035af7822eb4ac5bfc509b69ddb16e8"
	eventRecord      logging.Event = "5932b5b643d64fcbb05eaa89337d052f"
)
