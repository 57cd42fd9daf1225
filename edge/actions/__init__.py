"""What a result sets off: a request to a web server, a program, a pin of the device."""
