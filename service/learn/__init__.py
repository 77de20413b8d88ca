"""What changes EchoTune's mind: listens taken in, models fitted and published."""
